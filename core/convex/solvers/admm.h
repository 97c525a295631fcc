// SPDX-License-Identifier: Apache-2.0
// ADMM with the closed-form u-step of MATH, section 2, for every loss and penalty, with cones (ReLU) and without
// (gated). Splitting (Boyd et al., 2011, section 3):
//   min L(r) + β R(z) + [E ∘ s >= 0]   subject to   u = z,   X·u = s,   F·u = r
// for u = (v, w), F·u = Σ_p D_p X (v_p − w_p), E = 2D − 1, with scaled duals a (for z), b (for s) and e (for r):
//   u ← (ρ₃FᵀF + ρ₁I + ρ₂GᵀG)⁻¹ (ρ₃Fᵀ(r − e) + ρ₁(z − a) + ρ₂Xᵀ(s − b))   closed form, solvers/admm_factors.h
//   z ← prox of βR/ρ₁ at û + a,   s ← projection of X·û + b on the cone,   r ← prox of L/ρ₃ at F·û + e
//   a += û − z,   b += X·û − s,   e += F·û − r
// over-relaxed: û = 1.6u − 0.6z, X·û = 1.6X·u − 0.6s, F·û = 1.6F·u − 0.6r. The squared loss needs no r: it is part of
// the u-step with ρ₃ = 1 and Y for r − e. Gated programs have one sign and no s. The rows of X in X·u = s are brought
// to one length, which changes no cone. All this is a fixed-point iteration in w = (z + a, s + b, r + e), which proxes
// split into their parts, and Anderson's method accelerates it (anderson.h).
//
// The ρ follow the normalised residuals (Wohlberg, arXiv 1704.06209), rarely, since each change costs a factor. That of
// the cones follows what answers are judged by, for the squared loss with a norm: the distance from the cones, which
// large ρ₂ make small, against the gap, which small ones do. Residuals in ‖·‖₂ hide the few rows and blocks that both
// depend on.
//
// F·u = H⁻¹F M⁻¹b falls out of the u-step, and E ∘ (−ρ₂b) >= 0 are multipliers of the cones, so ν = Y − F·u, or
// −ρ₃e = −∇L(r), with them makes the certificate. The iterate is z: sparse, feasible in the limit.
#pragma once

#include "core/convex/dual_loss.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/anderson.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

class Admm : public Solver {
 public:
  /// `cones`: a ReLU program, with weights for v and w. `memory`: of Anderson's method; 0 goes without.
  Admm(HalfSumProblem problem, bool cones, KernelSolve kernel, std::int64_t memory);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  double step_size() const override { return rho1_; }
  SolverState state() const override;
  bool resumable() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;
  void Judge(double violation, double gap) override;

 private:
  // How far a splitting is from agreeing (primal) and from standing still (dual), each relative to its size.
  struct Residuals {
    double primal = 0;
    double dual = 0;
  };

  bool HasOutputSplit() const { return problem_.loss != Loss::kSquared; }
  // The least bound on the size of β R at an optimum: L(0), at the half-sum scale twice as large.
  double LossAtZero() const;
  at::Tensor Unmasked(const at::Tensor& row_side) const;  // n×(S·P·c) as n×S×P×c
  at::Tensor OnCones(const at::Tensor& row_side) const;   // its projection, E ∘ · >= 0
  // ±D_p ν for the v and w of every block, n×(S·P·c).
  at::Tensor Spread(const at::Tensor& nu) const;
  // v − w, or v.
  at::Tensor Difference(const at::Tensor& weights) const;
  void Begin(const SolverStart& start);
  double FirstRho1() const;
  double FirstRho2() const;
  // Below this ρ₁, rounding in ρ₂XᵀX (at most ‖X‖² large), or without cones in the kernel, could outweigh what ρ₁ adds,
  // and a matrix would not be positive definite.
  double LeastRho1() const;
  absl::Status Factor();
  // The u-step; sets outputs_.
  at::Tensor SolveWeights();
  // The parts of w as one point of Anderson's method, and back; parts are scaled so that lengths are ADMM's own.
  at::Tensor Pack(const at::Tensor& weights, const at::Tensor& cones, const at::Tensor& outputs) const;
  void Accelerate(at::Tensor& weights, at::Tensor& cones, at::Tensor& outputs);
  // The three updates after it, from the parts of w: what each splitting is short of.
  Residuals UpdateWeights(const at::Tensor& u, const at::Tensor& point);
  Residuals UpdateCones(const at::Tensor& products, const at::Tensor& point);
  Residuals UpdateOutputs(const at::Tensor& point);
  void OfferDualPoint(LowerBound& bound);
  // The factor for ρ₂.
  double ConeChange(const Residuals& cones) const;
  absl::Status Balance(const Residuals& weights, const Residuals& cones, const Residuals& outputs);

  HalfSumProblem problem_;
  const DualLoss& loss_;
  bool cones_;
  std::int64_t signs_;  // S: 2 with cones, else 1
  at::Tensor lengths_;  // what rows of X are multiplied with in X·u = s, n×1
  AdmmFactors factors_;
  double rho1_ = 0;
  double rho2_ = 0;
  double rho3_ = 1;
  at::Tensor sign_mask_;   // 1 on the rows a cone wants >= 0; bool, 1×… broadcast over signs and outputs
  at::Tensor outputs_;     // F·u, n×c
  at::Tensor correction_;  // Fᵀ·outputs_, d×(P·c)
  at::Tensor a_;           // scaled dual of u = z, d×(S·P·c)
  at::Tensor s_;           // n×(2·P·c)
  at::Tensor b_;           // scaled dual of X·u = s
  at::Tensor r_;           // n×c
  at::Tensor e_;           // scaled dual of F·u = r
  Iterate iterate_;        // z
  bool accelerated_;       // by Anderson's method, which kinks of the loss mislead
  Anderson anderson_;
  at::Tensor point_;  // w as Anderson's method returned it; undefined before the first epoch and after a change of ρ
  // As Judge hears them: how far the last iterate is from its cones, the larger of its violation and the share by which
  // its objective undercuts the bound, -1 before it is known; and how far the objective is above the bound, or 0.
  double distance_ = -1;
  double gap_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t next_balance_ = 0;
  std::int64_t balance_interval_ = 0;
};

}  // namespace cvxnn::convex
