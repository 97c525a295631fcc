// SPDX-License-Identifier: Apache-2.0
// The lower bound of programs without a penalty: for the squared loss the optimum itself, from a projection.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cvxnn::convex {

/// Rows beyond which the n×n eigenvalue problem is not worth a bound.
inline constexpr std::int64_t kMaxProjectedRows = 2048;

/// min_u ½‖F·u − y_k‖² for each output k, from below: without a penalty only ν with Fᵀν = 0 are feasible in the dual,
/// and the best of them is the residual of y_k's projection on the range of F, that of (XXᵀ) ∘ (DDᵀ). In float64, and
/// exact up to the decision which eigenvalues are zero (to rounding, on columns scaled to one length, in an orthonormal
/// basis of their range). Cones of ReLU programs can only raise the optimum. Zeros, a bound too, for more than
/// kMaxProjectedRows rows.
std::vector<double> LeastSquaresBound(const at::Tensor& features, const at::Tensor& mask, const at::Tensor& targets);

}  // namespace cvxnn::convex
