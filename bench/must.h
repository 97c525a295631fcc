// SPDX-License-Identifier: Apache-2.0
// A benchmark has nothing to say once something fails: errors become one exception, which ends the run.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace cvxnn::bench {

/// Throws with `what` unless `condition`.
inline void Require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

/// The value, or an exception with the status.
template <typename T>
T Must(absl::StatusOr<T> value) {
  Require(value.ok(), value.status().ToString());
  return *std::move(value);
}
inline void Must(const absl::Status& status) { Require(status.ok(), status.ToString()); }

}  // namespace cvxnn::bench
