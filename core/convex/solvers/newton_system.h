// SPDX-License-Identifier: Apache-2.0
// The linear systems of the interior point method, with the structure of MATH, section 2. For m blocks of d weights,
//   (S_j + CᵀΘ_jC) u_j + σ_j XᵀD_j Σ_i σ_i D_iX u_i = b_j,
// where S_j comes from the norm of block j, C holds the rows of the cones and Θ_j is diagonal: a batch of d×d
// inverses, coupled through one n×n matrix, I + Σ_j D_jX (S_j + CᵀΘ_jC)⁻¹ XᵀD_j. Both lose digits as the method nears
// the optimum: callers refine what comes out.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "core/convex/solvers/second_order_cone.h"

namespace cvxnn::convex {

/// Bytes that a factorisation takes for n rows, d inputs and m blocks.
double NewtonSystemBytes(double rows, double inputs, double blocks);

class NewtonSystem {
 public:
  /// `features` X (n×d), `signed_mask` σ_jD_j (m×n, −1, 0 or 1), `cone_rows` C (n'×d; undefined for gated programs);
  /// float64. With cones the second half of the blocks have the patterns of the first.
  NewtonSystem(at::Tensor features, at::Tensor signed_mask, at::Tensor cone_rows);

  /// σ_jD_jX u_j (m×n) for weights m×d.
  at::Tensor Images(const at::Tensor& weights) const;
  /// Σ_j σ_jD_jX u_j (n) for weights m×d, and for r (n) the m×d of its transpose.
  at::Tensor Apply(const at::Tensor& weights) const;
  at::Tensor Adjoint(const at::Tensor& rows) const;

  /// Factors for the scaling's S and for Θ (m×n'; undefined for gated). INTERNAL when a matrix is not positive definite
  /// even with a shift of rounding's size.
  absl::Status Factor(const ConeScaling& scaling, const at::Tensor& theta);

  /// The solution for a right-hand side m×d.
  at::Tensor Solve(const at::Tensor& right_hand_side) const;

 private:
  at::Tensor BlockMatrices(const ConeScaling& scaling, const at::Tensor& theta) const;  // S_j + CᵀΘ_jC, m×d×d
  void AddCoupling(at::Tensor& coupling) const;                                         // to the lower triangle
  at::Tensor SolveBlocks(const at::Tensor& right_hand_side) const;

  at::Tensor features_;
  at::Tensor signed_mask_;
  at::Tensor cone_rows_;
  at::Tensor pattern_mask_;  // P×n, bool
  at::Tensor inverses_;      // m×d×d
  at::Tensor row_factor_;    // n×n, lower
};

}  // namespace cvxnn::convex
