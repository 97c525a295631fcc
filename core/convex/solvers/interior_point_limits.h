// SPDX-License-Identifier: Apache-2.0
// Where both forms of the interior point method stop short: of the edge, of rounding, and of blocks that do not matter.
#pragma once

namespace cvxnn::convex {

/// How far towards the edge a step goes.
inline constexpr double kShare = 0.99;
/// Steps shorter than this lead nowhere.
inline constexpr double kLeastStep = 1e-10;
/// Products of this size, of a program at unit scale, are rounding.
inline constexpr double kLeastProduct = 1e-22;
/// What leaving out blocks may cost, as a share of the gap.
inline constexpr double kLeftOutShare = 0.1;

}  // namespace cvxnn::convex
