// SPDX-License-Identifier: Apache-2.0
// Products and Cholesky factors that take longer than an epoch, done in pieces between which a job can be stopped.
// Small ones are one call of LibTorch.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "absl/status/statusor.h"

namespace cvxnn::convex {

/// Flops between two questions whether to stop: about a second of two cores in float32.
inline constexpr double kPieceFlops = 1e11;

/// left·right for left n×k and right k×m, n×m. CANCELLED when should_stop, which may be empty, says so.
absl::StatusOr<at::Tensor> MultiplyInPieces(const at::Tensor& left, const at::Tensor& right,
                                            const std::function<bool()>& should_stop, double piece_flops = kPieceFlops);

/// The lower factor L, column-major, of the symmetric matrix n×n of which only the diagonal and what is below it are
/// read: LLᵀ, from left to right by blocks of columns (Golub & Van Loan, Matrix Computations, section 4.2.6). An
/// undefined tensor when it is not positive definite at this precision; CANCELLED when should_stop, which may be empty,
/// says so.
absl::StatusOr<at::Tensor> CholeskyInPieces(const at::Tensor& matrix, const std::function<bool()>& should_stop,
                                            double piece_flops = kPieceFlops);

}  // namespace cvxnn::convex
