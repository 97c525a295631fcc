// SPDX-License-Identifier: Apache-2.0
// The group-ℓ2 penalty Σ_j ‖w_j‖₂ over the columns of a weight matrix, and its prox.
#pragma once

#include <ATen/core/Tensor.h>

namespace cvxnn::convex {

/// ‖w_j‖₂ of every column, float64, on the tensor's device.
at::Tensor ColumnNorms(const at::Tensor& weights);

/// argmin_z ½‖z − w‖² + threshold·Σ_j ‖z_j‖₂, column by column: w_j · max(0, 1 − threshold/‖w_j‖₂).
struct ShrunkColumns {
  at::Tensor weights;
  at::Tensor norms;  ///< of the shrunk columns, float64; exactly 0 where the column is zero
};
ShrunkColumns ShrinkColumns(const at::Tensor& weights, double threshold);

}  // namespace cvxnn::convex
