// SPDX-License-Identifier: Apache-2.0
// What an iterate is worth: program and network objective, cone violation, accuracies. Only blocks that are not zero
// cost anything.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/convex/program.h"
#include "core/convex/rank_reduction.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// Judges iterates of one program, whose features the solver sees through `row_space`. All references must outlive it.
class Evaluator {
 public:
  Evaluator(const Program& program, const Evaluation& evaluation, const PatternOperator& map,
            const RowSpace& row_space);

  /// Fills every field of `progress` that depends on the iterate alone.
  void Measure(const Iterate& iterate, Progress& progress) const;

 private:
  // Outputs of non-zero blocks, as the program adds them up and as the ReLU network does.
  struct Sums {
    at::Tensor program;
    at::Tensor network;
    double violation = 0;  // largest, as Progress::constraint_violation
  };
  Sums TrainingSums(const at::Tensor& weights, const at::Tensor& columns) const;
  at::Tensor TestOutputs(const at::Tensor& weights, const at::Tensor& columns) const;

  const Program& program_;
  const Evaluation& evaluation_;
  const PatternOperator& map_;
  std::unique_ptr<const PenaltyFunction> penalty_;
  at::Tensor test_features_;  // in the solver's basis; undefined when there are none
  at::Tensor test_mask_;      // gated only
  double scale_;              // s
  double largest_target_;
};

}  // namespace cvxnn::convex
