// SPDX-License-Identifier: Apache-2.0
// FISTA for gated programs: Beck & Teboulle, SIAM J. Imaging Sci. 2(1), 2009, with the adaptive restart of O'Donoghue &
// Candès (gradient scheme), arXiv 1204.3982, and the varying steps of Scheinberg, Goldfarb & Bai, Found. Comput. Math.
// 14, 2014. In their symbols: x = u (weights), y = z (momentum point), t = t, 1/L = step.
//
// An epoch is one product with F and one with Fᵀ. For the squared loss residuals and gradients are affine in u, so the
// ones at the momentum point are combinations of the last two: the gradient is taken at u, where it makes a
// certificate, and the check of the quadratic upper bound
//   ½‖F(u⁺ − z)‖² <= (L/2)‖u⁺ − z‖²
// comes for nothing. For other losses the gradient is taken at z, which makes a certificate too, and the left-hand side
// is the least known bound on their divergence: ½κ‖F(u⁺ − z)‖² with the curvature κ of dual_loss.h, or
// (∇L(Fu⁺) − ∇L(Fz))ᵀF(u⁺ − z), which is smaller where the loss is flat.
#pragma once

#include "core/convex/dual_span.h"
#include "core/convex/solvers/solver.h"
#include "core/network/loss_function.h"

namespace cvxnn::convex {

/// Bytes of FISTA's state for n rows, d inputs and P·c `blocks`. `prox_copies`: PenaltyFunction::ProxCopies.
double FistaBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                  std::int64_t element_bytes);

/// RESOURCE_EXHAUSTED with needed and available bytes when they cannot fit in the free memory of the device that `like`
/// is on.
absl::Status CheckFistaMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                              const at::Tensor& like);

class Fista : public Solver {
 public:
  explicit Fista(HalfSumProblem problem);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return current_.iterate; }
  double step_size() const override { return 1 / lipschitz_; }
  SolverState state() const override {
    SolverState state;
    state.curvature = lipschitz_;
    return state;
  }
  bool resumable() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

 private:
  struct Point {
    Iterate iterate;
    at::Tensor gradient;  // squared loss: Fᵀ(F·u − Y)
  };

  // The problem's start, or zero weights.
  Point First() const;
  // The prox of the penalty over L, and its outputs.
  Iterate Prox(const at::Tensor& weights, double lipschitz) const;
  at::Tensor Outputs(const at::Tensor& weights, const at::Tensor& norms) const;
  at::Tensor Slope(const at::Tensor& outputs) const;  // ∇L, n×c
  // Twice the bound on the divergence of `after` from `before`, where ∇L is `slope` (undefined for the squared loss).
  double Divergence(const at::Tensor& after, const at::Tensor& before, const at::Tensor& slope) const;

  HalfSumProblem problem_;
  const LossFunction& loss_;
  double curvature_;
  bool affine_;  // the squared loss, whose slope is affine in u
  DualSpan span_;
  Point current_;
  Point previous_;
  double lipschitz_ = 0;      // L of the last step
  double proposal_ = 0;       // L that the next step tries first
  double lipschitz_max_ = 0;  // ‖F‖₂², the safe L
  double t_ = 1;
};

}  // namespace cvxnn::convex
