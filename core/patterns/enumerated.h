// SPDX-License-Identifier: Apache-2.0
// Every activation pattern of the data: the cells of the arrangement {u : x_iᵀu = 0} (MATH, section 5).
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn {

/// All patterns of rows X (n×d), each with a gate from inside its cell, on the device and in the dtype of X. Right for
/// repeated, collinear, zero and linearly dependent rows. As everywhere, the pattern active on no row is left out.
///
/// Masks are found in float64. Gates in float32 may, in a thin cell, round to another mask.
/// Errors: RESOURCE_EXHAUSTED with the bound when PatternBound is above `max_count` (>= 1), before any enumeration;
/// CANCELLED when `should_stop` (may be empty) says so; INTERNAL for rows so nearly dependent that float64 cannot tell
/// the cells apart.
absl::StatusOr<ActivationPatterns> EnumeratePatterns(const at::Tensor& features, std::int64_t max_count,
                                                     const std::function<bool()>& should_stop = {});

/// A bound on the number of patterns: 2 Σ_{k<r} C(n − 1, k) for n rows of rank r, with equality in general position
/// (the one that is active nowhere counts). For data of more than 2^22 numbers r is taken to be min(n, d).
double PatternBound(const at::Tensor& features);

}  // namespace cvxnn
