// SPDX-License-Identifier: Apache-2.0
// ADMM for ReLU programs with the closed-form u-step of MATH, section 2. Splitting (Boyd et al., 2011, section 3):
//   min ½‖F·u − Y‖² + β Σ_j ‖z_j‖₂ + [E ∘ s >= 0]   subject to   u = z,   X·u = s
// for u = (v, w), F·u = Σ_p D_p X (v_p − w_p), E = 2D − 1, with scaled duals a (for z) and b (for s):
//   u ← (FᵀF + ρ₁I + ρ₂GᵀG)⁻¹ (FᵀY + ρ₁(z − a) + ρ₂Xᵀ(s − b))       closed form, solvers/admm_factors.h
//   z ← prox of β/ρ₁ at û + a,   s ← projection of X·û + b on the cone,   a += û − z,   b += X·û − s
// over-relaxed: û = 1.6u − 0.6z, X·û = 1.6X·u − 0.6s. ρ₁ and ρ₂ follow the normalised residuals (Wohlberg, arXiv
// 1704.06209), rarely, since each change costs a factor. F·u = H⁻¹F M⁻¹b falls out of the u-step, and E ∘ (−ρ₂b) >= 0
// are multipliers of the cones, so ν = Y − F·u with them makes the certificate. The iterate is z: sparse, feasible in
// the limit.
#pragma once

#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

class Admm : public Solver {
 public:
  explicit Admm(HalfSumProblem problem);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  double step_size() const override { return rho1_; }
  SolverState state() const override;

 private:
  // How far the two splittings are from agreeing (primal) and from standing still (dual), each relative to its size.
  struct Residuals {
    double primal = 0;
    double dual = 0;
  };

  at::Tensor Unmasked(const at::Tensor& row_side) const;  // n×(2·P·c) as n×2×P×c
  at::Tensor OnCones(const at::Tensor& row_side) const;   // its projection, E ∘ · >= 0
  // ±D_p ν for the v and w of every block, n×(2·P·c).
  at::Tensor Spread(const at::Tensor& nu) const;
  void Begin(const SolverStart& start);
  // Below this ρ₁, rounding in ρ₂XᵀX (at most ‖X‖² large) could outweigh ρ₁I and M would not be positive definite.
  double LeastRho1() const;
  void OfferDualPoint(LowerBound& bound) const;
  absl::Status Balance(const Residuals& weights, const Residuals& cones);

  HalfSumProblem problem_;
  AdmmFactors factors_;
  double rho1_ = 0;
  double rho2_ = 0;
  at::Tensor sign_mask_;  // 1 on the rows a cone wants >= 0; bool, 1×… broadcast over signs and outputs
  at::Tensor outputs_;    // F·u, n×c
  at::Tensor a_;          // scaled dual of u = z, d×(2·P·c)
  at::Tensor s_;          // n×(2·P·c)
  at::Tensor b_;          // scaled dual of X·u = s
  Iterate iterate_;       // z
  std::int64_t epoch_ = 0;
  std::int64_t next_balance_ = 0;
  std::int64_t balance_interval_ = 0;
};

}  // namespace cvxnn::convex
