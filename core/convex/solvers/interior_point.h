// SPDX-License-Identifier: Apache-2.0
// A primal-dual interior point method for the exact optimum under the squared loss and the group-ℓ2 penalty, gated and
// ReLU (MATH, section 2). Each output is a program of its own,
//   min ½‖Σ_j σ_jD_jX u_j − y‖² + β Σ_j t_j   s.t.  (t_j, u_j) in the second-order cone,  s_j = E_jC u_j >= 0,
// with multipliers (β, z̄_j) of the cones and λ_j >= 0, C the rows of X that are not zero at unit length. Nesterov-Todd
// scaling, Mehrotra's predictor and corrector (Vandenberghe, The CVXOPT linear and quadratic cone program solvers,
// 2010, section 7) and an infeasible start; a step is one factorisation of newton_system.h. Each output is brought to
// unit scale first. The iterate leaves out blocks whose multipliers say that they are inactive.
#pragma once

#include <memory>
#include <vector>

#include "core/convex/solvers/newton_system.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// Bytes of state and factors for n rows, d inputs, P patterns and c outputs.
double InteriorPointBytes(std::int64_t rows, std::int64_t inputs, std::int64_t patterns, std::int64_t outputs,
                          bool cones);

/// RESOURCE_EXHAUSTED with needed and available bytes when they cannot fit in the free memory of the device that `like`
/// is on.
absl::Status CheckInteriorPointMemory(std::int64_t rows, std::int64_t inputs, std::int64_t patterns,
                                      std::int64_t outputs, bool cones, const at::Tensor& like);

/// Flops of an epoch.
double InteriorPointFlops(std::int64_t rows, std::int64_t inputs, std::int64_t patterns, std::int64_t outputs,
                          bool cones);

/// For float64 problems of the squared loss without a nuclear norm. Does not use a start: interior points are far from
/// the edge where optima lie.
class InteriorPoint : public Solver {
 public:
  /// `cones`: the program is a ReLU program.
  InteriorPoint(HalfSumProblem problem, bool cones);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  double step_size() const override { return step_size_; }
  SolverState state() const override { return {multipliers_, 0, 0}; }
  bool resumable() const override { return true; }
  bool undoes_steps() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

 private:
  // The program of one output, at unit scale.
  struct Output {
    bool zero = false;   // zero weights are its optimum
    double scale = 1;    // its targets' norm
    double beta = 0;     // at unit scale
    at::Tensor targets;  // n
    ConePoints weights;  // (t_j, u_j)
    ConePoints duals;    // (β, z̄_j)
    at::Tensor slacks;   // s, m×n'
    at::Tensor lambda;   // m×n'
  };
  struct Direction {
    ConePoints weights;
    ConePoints duals;
    at::Tensor slacks;
    at::Tensor lambda;
  };
  // What is left of the conditions of optimality.
  struct Residuals {
    at::Tensor dual;    // m×d
    at::Tensor primal;  // m×n'
    double mean = 0;    // of all complementary products
  };

  Output Prepared(std::int64_t output) const;
  absl::Status Advance(Output& output);
  Residuals ResidualsOf(const Output& output) const;
  double MeanProduct(const Output& output) const;
  std::int64_t ProductCount(const Output& output) const;
  at::Tensor OnCones(const at::Tensor& weights) const;  // E_jC u_j, m×n'
  static double LargestStep(const Output& output, const Direction& direction);
  // `target`: what W⁻¹dx + W dz is to be; `products`: what s·dλ + λ·ds is to be; `exact`: the share of the right-hand
  // side that may be left.
  Direction Towards(const Output& output, const Residuals& residuals, const ConeScaling& scaling,
                    const ConePoints& target, const at::Tensor& products, double exact) const;
  at::Tensor Kept(const Output& output) const;  // u_j, m×d, without the inactive blocks
  void Publish(LowerBound* bound);              // null: only the iterate

  HalfSumProblem problem_;
  bool cones_;
  double features_scale_ = 1;
  at::Tensor signs_;         // E restricted to the rows of cones, m×n'
  at::Tensor cone_rows_;     // C, n'×d
  at::Tensor cone_index_;    // rows of X that C holds, n'
  at::Tensor cone_lengths_;  // their lengths at unit scale
  std::unique_ptr<NewtonSystem> system_;
  std::vector<Output> outputs_;
  Iterate iterate_;
  at::Tensor multipliers_;
  double step_size_ = 0;
};

}  // namespace cvxnn::convex
