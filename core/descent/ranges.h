// SPDX-License-Identifier: Apache-2.0
// The ranges of every number that a Method holds, said once: descent, training and the server check against this list,
// with field names as in the contract (proto/cvxnn/v1/descent.proto, GradientDescent).
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/descent/method.h"

namespace cvxnn::descent {

inline constexpr std::int64_t kMaxNeurons = 1'000'000;
inline constexpr std::int64_t kMaxTrials = 10'000;
inline constexpr std::int64_t kMaxHistory = 1'000;
inline constexpr std::int64_t kMaxScheduleEpochs = 1'000'000'000;
inline constexpr double kMaxScale = 1e15;  ///< of initial weights
/// Descent begins with weights that the penalty must not take beyond float32.
inline constexpr double kMaxBeta = 1e30;
inline constexpr std::int64_t kMaxGridValues = 1'000;    ///< in one list of a grid
inline constexpr std::int64_t kMaxGridTrials = 100'000;  ///< of all combinations of a grid
inline constexpr std::int64_t kMaxReportEpochs = 1'000'000'000;
inline constexpr std::int64_t kMaxPerDecade = 1'000;
inline constexpr std::int64_t kMaxSnapshots = 10'000;  ///< trials times epochs

/// Hears of one number that is out of its range: `field` is its path within the method ("optimizer.adam.beta1"),
/// `value` its text, `allowed` what it must be ("at least 0 and below 1").
using RangeFault =
    absl::FunctionRef<void(const std::string& field, const std::string& value, const std::string& allowed)>;

/// Reports every number out of its range, and settings that exclude each other.
void CheckRanges(const Method& method, RangeFault fault);

/// The first fault as INVALID_ARGUMENT "<prefix><field> = <value>: must be <allowed>"; OK without one.
absl::Status CheckRanges(const Method& method, const std::string& prefix);

/// INVALID_ARGUMENT "<prefix>grid.training_rows[i] = …" where the grid asks for more rows than there are.
absl::Status CheckTrainingRows(const Grid& grid, std::int64_t rows, const std::string& prefix);

/// Reports `snapshots` where trials times epochs are too many; all ranges of the method must hold.
void CheckSnapshots(const Method& method, std::int64_t max_epochs, RangeFault fault);

/// The same as INVALID_ARGUMENT "<prefix>snapshots = …".
absl::Status CheckSnapshots(const Method& method, std::int64_t max_epochs, const std::string& prefix);

}  // namespace cvxnn::descent
