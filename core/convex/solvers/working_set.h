// SPDX-License-Identifier: Apache-2.0
// Working sets around any solver of gated programs, in the way of Massias, Gramfort & Salmon (Celer, ICML 2018, arXiv
// 1802.07481): the solver works on a few patterns; when its gap there is well below that of the whole program, one pass
// Fᵀν over all patterns bounds the optimum, screens (core/convex/screening.h) and finds the patterns whose constraints
// R°(Xᵀ D_p ν) <= β the dual point of the few violates most; those are added and the solver goes on from where it was.
// Patterns that are screened leave the set for good. Iterates and bounds are those of the whole program throughout.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "core/convex/screening.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// Makes the solver that works on the set.
using SolverFactory = std::function<std::unique_ptr<Solver>(const HalfSumProblem& problem)>;

class WorkingSetSolver : public Solver {
 public:
  /// `penalty` HasBlocks and is that of `problem`. `problem` must have an ‖F‖₂² where the solvers made use it.
  WorkingSetSolver(HalfSumProblem problem, Penalty penalty, SolverFactory factory);
  ~WorkingSetSolver() override;

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  double step_size() const override;
  SolverState state() const override;
  bool resumable() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

  const WorkingSetReport& report() const { return report_; }

 private:
  struct Part;  // the program of the set, and its solver

  // Makes the part of `set_`, to begin at the iterate.
  absl::Status Build();
  // The first look at all patterns, and the first set.
  absl::Status Begin(LowerBound& bound);
  // One look at all patterns with a dual point; whether the set changed.
  bool Look(const at::Tensor& dual, const at::Tensor& products, std::int64_t least, LowerBound& bound);
  // The part's iterate among zeros.
  void Embed();
  double Objective() const;    // of the iterate, at the half-sum scale
  at::Tensor Columns() const;  // of the set

  HalfSumProblem problem_;
  Penalty penalty_;
  SolverFactory factory_;
  std::optional<Screening> screening_;
  double features_norm_ = 0;
  std::vector<std::int64_t> set_;  // ascending
  std::vector<char> screened_;     // one for each pattern
  std::unique_ptr<Part> part_;
  Iterate iterate_;
  std::int64_t epochs_ = 0;
  std::int64_t looked_ = 0;  // epoch of the last look
  WorkingSetReport report_;
};

}  // namespace cvxnn::convex
