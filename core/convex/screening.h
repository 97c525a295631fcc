// SPDX-License-Identifier: Apache-2.0
// Gap-safe screening (Ndiaye, Fercoq, Gramfort & Salmon, JMLR 18, 2017, arXiv 1611.05780) of gated programs: patterns
// whose weights are zero at every optimum. L is half-sum loss of curvature κ, so −L*(−·) is strongly concave with 1/κ
// and the optimal ν* lies within r = √(2κ(P − D)) of a feasible ν, for the value P of any weights and D of ν. Where
//   R°(Xᵀ D_p ν) + r‖D_p X‖₂ < β,
// the constraint of block p is not active at ν*, and the block is zero. The norm of D_p X is bounded by those of X and
// by the Frobenius norm of the rows that p selects.
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

/// Screens patterns of one gated program. `map`, `targets` (n×c) and `penalty`, whose dual is the ball of a norm per
/// block, must outlive it.
class Screening {
 public:
  Screening(const PatternOperator& map, const at::Tensor& targets, Loss loss, double beta,
            const PenaltyFunction& penalty);

  /// Whether the loss bends at most so much: without a bound, as of the hinge, nothing can be said.
  bool applies() const { return curvature_ > 0; }

  /// The patterns that are zero at every optimum, bool, P: from weights of this value at the half-sum scale and the
  /// dual point ν (n×c) with products Fᵀν (d×(P·c)), feasible or not.
  at::Tensor Zero(double objective, const at::Tensor& dual, const at::Tensor& products) const;

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
