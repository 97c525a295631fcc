// SPDX-License-Identifier: Apache-2.0
// Patterns that a program is missing (MATH, sections 3 and 4): directions u, ‖u‖ = 1, with |ν_kᵀ(Xu)₊| > β for the
// residual ν of an answer. When there are none over all u, the answer is optimal for networks of any width. The maximum
// is hard to find for certain, so it is searched for from many starts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"

namespace cvxnn::convex {

struct Violators {
  at::Tensor directions;  ///< d×K, unit columns with different patterns for each output, worst first
  at::Tensor outputs;     ///< K, int64: the output k that the direction was found for
  at::Tensor signs;       ///< K, +1 where ν_kᵀ(Xu)₊ > 0, else −1
  double largest = 0;     ///< largest |ν_kᵀ(Xu)₊| met, whether or not it is above the threshold
};

/// Projected gradient ascent of ±ν_kᵀ(Xu)₊ over the unit ball from every column of `starts` (d×S), for X (n×d) and ν
/// (n×c): at most `most` of the points reached with values above `threshold`. CANCELLED when `should_stop` (may be
/// empty) says so.
absl::StatusOr<Violators> FindViolators(const at::Tensor& features, const at::Tensor& dual, const at::Tensor& starts,
                                        double threshold, std::int64_t most,
                                        const std::function<bool()>& should_stop = {});

}  // namespace cvxnn::convex
