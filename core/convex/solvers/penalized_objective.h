// SPDX-License-Identifier: Apache-2.0
// A convex program whose cones are left for a price (MATH, section 1):
//   L(F·u) + βR(u) + ρ Σ_{i,p,k} ((−E_p ∘ X v_pk)₊ + (−E_p ∘ X w_pk)₊)_i,
// as in the code for CIFAR-10 that Pilanci & Ergen published beside arXiv 2002.10553. For ρ at least the largest
// multiplier of the cones its optimum is that of the program itself (an exact penalty: Nocedal & Wright 2006, section
// 17.2). Subgradients are closed form; those of the price are multipliers between 0 and ρ, so every pass over the rows
// gives a dual point as well.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// What a pass over some rows gives, at the half-sum scale.
struct PenalizedSums {
  double loss = 0;       ///< L over these rows
  double violation = 0;  ///< the sum that ρ multiplies, over these rows
};

/// Where the pass leaves the dual point that belongs to its subgradient: rows of ν and of the vectors that Xᵀ is
/// multiplied with in LowerBound::Offer. All rows of the data; a pass over some fills theirs.
struct DualRows {
  at::Tensor dual;      ///< ν, n×c
  at::Tensor row_side;  ///< n×(2·P·c): D_pν + E_pλ and −D_pν + E_pμ; not used without cones
};

class PenalizedObjective {
 public:
  /// `cones`: of a ReLU program, whose weights are v and then w. `rho` at the half-sum scale. The problem must outlive
  /// it.
  PenalizedObjective(const HalfSumProblem& problem, bool cones, double rho);

  std::int64_t columns() const { return (cones_ ? 2 : 1) * problem_.map.blocks(); }
  double rho() const { return rho_; }

  /// Sums over `rows` (int64; undefined: all). Where `gradient` (d×(S·P·c)) is given, the subgradient of L and of the
  /// price over these rows, without βR, is added to it, and the dual point goes to `duals`.
  PenalizedSums Pass(const at::Tensor& weights, const at::Tensor& rows, at::Tensor* gradient, DualRows* duals) const;

  /// The whole objective from the sums over all rows.
  double Value(const PenalizedSums& sums, const at::Tensor& weights) const;

 private:
  const HalfSumProblem& problem_;
  bool cones_;
  double rho_;
};

}  // namespace cvxnn::convex
