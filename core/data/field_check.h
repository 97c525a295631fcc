// SPDX-License-Identifier: Apache-2.0
// Messages for a field outside its range, the same everywhere: "name = value: must be range".
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <string>

namespace cvxnn::data {

template <typename Value>
absl::Status FieldError(const std::string& field, Value value, const std::string& must_be) {
  return absl::InvalidArgumentError(absl::StrCat(field, " = ", value, ": must be ", must_be));
}

/// value >= low.
template <typename Value>
absl::Status CheckAtLeast(const std::string& field, Value value, Value low) {
  // Written so that NaN fails too.
  if (value >= low && std::isfinite(static_cast<double>(value))) return absl::OkStatus();
  return FieldError(field, value, absl::StrCat(">= ", low));
}

/// value in [low, high].
template <typename Value>
absl::Status CheckBetween(const std::string& field, Value value, Value low, Value high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return FieldError(field, value, absl::StrCat("in [", low, ", ", high, "]"));
}

/// value > 0 and finite.
inline absl::Status CheckPositive(const std::string& field, double value) {
  if (value > 0 && std::isfinite(value)) return absl::OkStatus();
  return FieldError(field, value, "> 0 and finite");
}

}  // namespace cvxnn::data
