// SPDX-License-Identifier: Apache-2.0
// Semismooth Newton on augmented Lagrangians of the dual, for gated programs of the squared loss and the group-ℓ2
// penalty: Li, Sun & Toh, SIAM J. Optim. 28(1), 2018, arXiv 1607.05428 (the lasso), and Zhang, Zhang, Sun & Toh, Math.
// Program. 179, 2020 (groups). The dual, and with multipliers u (the weights) and penalty σ its augmented Lagrangian,
// are
//   min ½‖ν‖² − yᵀν  s.t. ‖Xᵀ D_p ν‖ <= β,    ψ(ν) = ½‖ν‖² − yᵀν + (1/2σ) Σ_p (‖w_p‖ − σβ)₊²,  w = u + σFᵀν,
// with ∇ψ = ν − y + F u⁺ for u⁺_p = (1 − σβ/‖w_p‖)₊ w_p, the weights that an epoch reports. ψ is minimised roughly, u
// is set to u⁺ and σ is raised. The generalised Hessian is made of the active blocks alone, and of the kernel of MATH,
// section 2:
//   I + σ (X Xᵀ) ∘ (D diag(1 − t) Dᵀ) + σ Σ_p t_p (D_p X ŵ_p)(D_p X ŵ_p)ᵀ,   t_p = σβ/‖w_p‖, ŵ_p = w_p/‖w_p‖.
// An epoch is one Newton step: a direction, by conjugate gradients while that is cheap and then by a Cholesky factor,
// and a line search, which costs one product with Fᵀ whatever its length. Outputs are separate programs.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// Bytes of the state for n rows, d inputs and P·c `blocks`.
double NewtonBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, std::int64_t element_bytes);

/// RESOURCE_EXHAUSTED with needed and available bytes when they cannot fit in the free memory of the device that `like`
/// is on.
absl::Status CheckNewtonMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, const at::Tensor& like);

class Newton : public Solver {
 public:
  explicit Newton(HalfSumProblem problem);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  /// The largest share of Newton's direction that an output went.
  double step_size() const override { return step_size_; }
  bool resumable() const override { return true; }
  bool undoes_steps() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

 private:
  // The program of one output.
  struct Output {
    at::Tensor target;   // n×1
    at::Tensor dual;     // ν, n×1
    at::Tensor product;  // Fᵀν, d×P
    at::Tensor weights;  // u, d×P
    double sigma = 0;
    bool factors = false;  // whether directions come from a factor from now on
    // At ν: the active blocks, their w_p, ‖w_p‖ (float64) and u⁺, F u⁺, and ∇ψ.
    at::Tensor active, columns, norms, shrunk, outputs, gradient;
  };

  void Evaluate(Output* output) const;
  // Whether ψ is as small as it has to be before u moves on.
  bool IsSmall(const Output& output) const;
  void MoveOn(Output* output) const;
  absl::Status Direction(Output* output, at::Tensor* direction);
  // Empty where a few steps do not suffice.
  at::Tensor ConjugateGradients(const Output& output, double tolerance, std::int64_t most) const;
  absl::StatusOr<at::Tensor> Factored(const Output& output);
  double Search(Output* output, const at::Tensor& direction) const;
  void SetIterate();

  HalfSumProblem problem_;
  PatternOperator map_;  // of one output
  double largest_ = 0;   // ‖F‖₂²
  at::Tensor mask_;      // in the type of the data
  at::Tensor kernel_;    // X Xᵀ, made when it is needed
  at::Tensor squares_;   // ‖x_i‖², n×1
  std::vector<Output> outputs_;
  Iterate iterate_;
  double step_size_ = 0;
};

}  // namespace cvxnn::convex
