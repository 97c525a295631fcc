// SPDX-License-Identifier: Apache-2.0
// Gap-safe screening (Ndiaye, Fercoq, Gramfort & Salmon, JMLR 18, 2017, arXiv 1611.05780) : patterns whose weights
// are zero at every optimum. L is half-sum loss of curvature κ, so −L*(−·) is strongly concave with 1/κ and the optimal
// ν* lies within r = √(2κ(P − D)) of a feasible ν, for an upper bound P on the optimum and the value D of ν. Where
//   R°(Xᵀ D_p ν) + r‖D_p X‖₂ < β,
// the constraint of block p is not active at ν*, and the block is zero. The norm of D_p X is bounded by those of X and
// by the Frobenius norm of the rows that p selects.
// ReLU programs, of group ℓ2: the constraint of v_p is h(ν) <= β for the least norm h(ν) = min ‖Xᵀ D_p ν + G_pᵀ λ‖ over
// λ >= 0, which is that of the projection of Xᵀ D_p ν on the cone of p; projections do not lengthen, so that
// h(ν*) <= h(ν) + r‖D_p X‖₂, and any λ >= 0 bounds h(ν) from above. Likewise for w_p with −ν; both must hold. P is then
// the value of feasible weights (cone_dual.h): those a little outside their cones may undercut the optimum, and r be
// too short.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/network/loss.h"

namespace cvxnn::convex {

/// Upper bound on ‖X‖₂: the norm itself, up to rounding, for up to 1,024 rows or columns; beyond, ‖(XᵀX)⁴‖_F^(1/8),
/// which is at most d^(1/16) times that. Raised by what rounding can have taken.
double SpectralNormBound(const at::Tensor& features);

/// Whether a block of weights can be zero as a whole under the penalty, as it takes: group ℓ2, and weight decay.
bool HasBlocks(Penalty penalty);

/// Screens patterns of one program. `map`, `targets` (n×c) and `penalty`, whose dual is the ball of a norm per
/// block, must outlive it.
class Screening {
 public:
  Screening(const PatternOperator& map, const at::Tensor& targets, Loss loss, double beta,
            const PenaltyFunction& penalty);

  /// Whether the loss bends at most so much: without a bound, as of the hinge, nothing can be said.
  bool applies() const { return curvature_ > 0; }

  /// The patterns that are zero at every optimum, bool, P: from an upper bound on the optimum at the half-sum scale
  /// (infinite: nothing is known), and the dual point ν (n×c) with products Fᵀν (d×(P·c)), or the left-hand sides of
  /// the constraints of v and w (d×(2·P·c)) and `sizes`, the norms of the row sides they are products of. Scaled to be
  /// feasible here.
  at::Tensor Zero(double objective, const at::Tensor& dual, const at::Tensor& products,
                  const at::Tensor& sizes = {}) const;

 private:
  const PatternOperator& map_;
  at::Tensor targets_;  // float64
  Loss loss_;
  double beta_;
  const PenaltyFunction& penalty_;
  double curvature_ = 0;  // 0: unbounded
  double spectral_ = 0;   // bound on ‖X‖₂
  at::Tensor norms_;      // bounds on ‖D_p X‖₂, float64, P
};

}  // namespace cvxnn::convex
