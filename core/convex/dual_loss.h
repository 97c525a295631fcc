// SPDX-License-Identifier: Apache-2.0
// What convex programs need of a loss besides its value and gradient (core/network/loss_function.h): how strongly it
// bends, its prox, and its conjugate, which the dual of MATH, section 3 is made of. Everything is for L = ½Σℓ, the
// half-sum that solvers work on: the dual of min L(F·u) + β Σ_j ‖u_j‖ is
//   max −L*(−ν)  s.t.  ‖Xᵀ D_p ν_k‖ <= β for all p and k,  and ν = −∇L(F·u) at an optimum.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/network/loss.h"

namespace cvxnn::convex {

/// Stateless and thread-safe. Dual points ν and targets are n×c.
class DualLoss {
 public:
  virtual ~DualLoss() = default;

  /// The least κ known with ∇²L <= κ·I; infinite for a loss with a kink.
  virtual double Curvature() const = 0;

  /// Whether a row's outputs meet in the loss; if not, every output is a program of its own.
  virtual bool CouplesOutputs() const { return false; }

  /// ν moved to where L*(−ν) is finite; points that are there already move by rounding alone. The domain is convex and
  /// holds 0, so it holds τν for τ in [0, 1].
  virtual at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& targets) const = 0;

  /// −L*(−ν) for ν of that domain, float64: one value for each output, or one in all if the outputs are coupled.
  virtual at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const = 0;

  /// argmin_r L(r) + (ρ/2)‖r − q‖² for q n×c (`point`) and ρ > 0, in closed form or by Newton's method, safeguarded, to
  /// rounding. ρ(r − q) is then −∇L(r), a dual point.
  virtual at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const = 0;
};

/// Lives as long as the program; never null.
const DualLoss* DualOf(Loss loss);

}  // namespace cvxnn::convex
