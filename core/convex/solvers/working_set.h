// SPDX-License-Identifier: Apache-2.0
// Working sets around any solver, in the way of Massias, Gramfort & Salmon (Celer, ICML 2018, arXiv
// 1802.07481): the solver works on a few patterns; when its gap there is well below that of the whole program, one pass
// Fᵀν over all patterns bounds the optimum, screens (core/convex/screening.h) and finds the patterns whose constraints
// R°(Xᵀ D_p ν) <= β the dual point of the few violates most; those are added and the solver goes on from where it was.
// Patterns that are screened leave the set for good. Iterates and bounds are those of the whole program throughout.
// ReLU programs: the set holds v and w of a pattern; a pass finds multipliers for the cones outside the set too
// (core/convex/cone_dual.h), a nonnegative least squares problem for each, and screens from feasible weights alone:
// zero, and the iterates once they are moved into their cones.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "core/convex/cone_dual.h"
#include "core/convex/screening.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// Makes the solver that works on the set.
using SolverFactory = std::function<std::unique_ptr<Solver>(const HalfSumProblem& problem)>;

/// What the half-sum problem leaves open.
struct WorkingSetProgram {
  Penalty penalty = Penalty::kGroupL2;  ///< HasBlocks, and is that of the problem
  bool cones = false;                   ///< a ReLU program, of group ℓ2
  at::Tensor blocks = {};               ///< as Program::blocks
};

class WorkingSetSolver : public Solver {
 public:
  /// `begins_anew`: the solvers made do not use their starts. `problem` must have an ‖F‖₂² where they use it.
  WorkingSetSolver(HalfSumProblem problem, WorkingSetProgram program, SolverFactory factory, bool begins_anew = false);
  ~WorkingSetSolver() override;

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  /// Passed on with the gap of the set's program, whose bound is newer.
  void Judge(double violation, double gap) override;
  double step_size() const override;
  SolverState state() const override;
  bool resumable() const override;
  bool undoes_steps() const override { return undone_; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

  const WorkingSetReport& report() const { return report_; }

 private:
  struct Part;  // the program of the set, and its solver

  // Makes the part of `set_`, to begin at the iterate.
  absl::Status Build();
  // What the part of `set_` begins with, beside the weights.
  SolverState FirstState(const at::Tensor& columns);
  // The first look at all patterns, and the first set.
  absl::Status Begin(LowerBound& bound);
  // One look at all patterns with a dual point and the row sides that are known; whether the set changed. At least
  // `least` patterns stay in it.
  absl::StatusOr<bool> Look(const at::Tensor& dual, const KnownRowSide& known, std::int64_t least, LowerBound& bound);
  // Screens at that point and chooses the next set.
  bool Choose(const at::Tensor& dual, const at::Tensor& products, const at::Tensor& sizes, std::int64_t least);
  // The look from the part's best dual point, and the part of the set that it gives; whether that is another.
  absl::StatusOr<bool> Renew(LowerBound& bound);
  // The part's iterate among zeros.
  void Embed();
  double Objective() const;  // of the iterate, at the half-sum scale
  // Columns of the weights of these patterns: of v, then of w.
  at::Tensor Columns(const std::vector<std::int64_t>& patterns) const;
  std::int64_t Signs() const { return program_.cones ? 2 : 1; }
  // F·u of weights whose active columns are given.
  at::Tensor Outputs(const PatternOperator& map, const at::Tensor& weights, const at::Tensor& norms) const;
  double LookShare() const;

  HalfSumProblem problem_;
  WorkingSetProgram program_;
  SolverFactory factory_;
  bool begins_anew_;
  std::optional<ConeDual> cones_;
  std::optional<Screening> screening_;
  double features_norm_ = 0;
  std::vector<std::int64_t> set_;  // ascending
  std::vector<char> screened_;     // one for each pattern
  std::unique_ptr<Part> part_;
  at::Tensor multipliers_;  // of ReLU programs: E ∘ λ of all blocks by the last look, until the next part is made
  double upper_ = 0;        // of ReLU programs: least value of feasible weights
  Iterate iterate_;
  std::int64_t epochs_ = 0;
  bool undone_ = false;      // whether the step that was cancelled last left the state before it
  std::int64_t looked_ = 0;  // epoch of the last look
  WorkingSetReport report_;
};

}  // namespace cvxnn::convex
