// SPDX-License-Identifier: Apache-2.0
// Lower bounds from dual feasible points (MATH, section 3), for the half-sum loss ½‖·‖². The dual of output k is
//   max νᵀy − ½‖ν‖²  s.t. ‖Xᵀ D_p ν + G_pᵀ λ_p‖ <= β and ‖−Xᵀ D_p ν + G_pᵀ μ_p‖ <= β for all p, λ, μ >= 0,
// whose constraints are homogeneous: any (ν, λ, μ) is feasible after scaling by τ <= β / max(…).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cvxnn::convex {

/// The best bound so far. Outputs are separate programs, so each keeps its own best and the bound is their sum.
class LowerBound {
 public:
  /// `targets` n×c; `beta` for the half-sum loss. Starts at 0, a bound for any squared loss.
  LowerBound(const at::Tensor& targets, double beta);

  /// Offers a dual point: ν (n×c) and the left-hand sides of the constraints at it, one column each, arranged so that
  /// column j belongs to output j mod c (d×(P·c) for gated, d×(2·P·c) for ReLU). Sums are float64; the norms are raised
  /// by a few units of rounding of their dtype, so that the bound errs on the low side.
  void Offer(const at::Tensor& dual, const at::Tensor& constraints);

  /// Σ_k best_k, at the half-sum scale.
  double value() const;

 private:
  at::Tensor targets_;  // float64
  double beta_;
  std::vector<double> best_;
};

}  // namespace cvxnn::convex
