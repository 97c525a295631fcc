// SPDX-License-Identifier: Apache-2.0
// Lists and ranges of numbers as people type them: "2,4,8", "2..100", "0..1:0.25", "1e-4..1/9".
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cvxnn::command {

/// How a list is written, for helps.
inline constexpr char kListForm[] = "A,B,…; A..B; A..B:STEP; A..B/COUNT evenly in log";

/// Items are separated by commas. An item is a number, A..B (every whole number), A..B:STEP, or A..B/COUNT: so many
/// numbers evenly spaced in their logarithm, A and B among them (rounded, without repeats, where whole numbers are
/// wanted). At most 10000 numbers. INVALID_ARGUMENT naming `flag` and the item at fault.
absl::StatusOr<std::vector<std::int64_t>> ParseIntegers(const std::string& flag, const std::string& text);
absl::StatusOr<std::vector<double>> ParseReals(const std::string& flag, const std::string& text);

}  // namespace cvxnn::command
