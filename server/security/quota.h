// SPDX-License-Identifier: Apache-2.0
// How much of the server one principal may have at a time.
#pragma once

#include <cstdint>
#include <optional>

namespace cvxnn::server {

/// Absent: no limit.
struct Quota {
  std::optional<std::int64_t> jobs;                     ///< that have not ended, >= 1
  std::optional<std::int64_t> bytes;                    ///< of data sets and models on disk, >= 1
  std::optional<std::int64_t> upload_bytes_per_second;  ///< of all uploads together, >= 1

  bool operator==(const Quota&) const = default;

  /// These limits, and those of `other` where there are none.
  Quota Or(const Quota& other) const {
    return {jobs.has_value() ? jobs : other.jobs, bytes.has_value() ? bytes : other.bytes,
            upload_bytes_per_second.has_value() ? upload_bytes_per_second : other.upload_bytes_per_second};
  }
};

}  // namespace cvxnn::server
