// SPDX-License-Identifier: Apache-2.0
// One solve in progress: what it holds, and the parts it is made of. The loop is in solve_run.cc, the way to an answer
// in solve_answer.cc, checkpoints in solve_checkpoint.cc.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/convex/certificate.h"
#include "core/convex/evaluate.h"
#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/convex/program.h"
#include "core/convex/rank_reduction.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/solver.h"
#include "core/convex/stall_detector.h"
#include "core/network/loss_function.h"

namespace cvxnn::convex {

/// (objective − lower_bound) / |objective|, without a unit: scaling Y and β leaves it as it is. 0 for 0/0.
inline double RelativeGap(double objective, double lower_bound) {
  return (objective - lower_bound) / std::max(std::abs(objective), std::numeric_limits<double>::min());
}

/// s with loss = s·L of the half-sum.
inline double LossMultiple(const Program& program) {
  return HalfSumMultiple(program.loss_scale, static_cast<double>(program.features.size(0)));
}

/// Of the type of the data.
inline double Epsilon(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

/// Solves once. The arguments must outlive it.
class SolveRun {
 public:
  SolveRun(const Program& program, const Evaluation& evaluation, const Options& options,
           const ProgressCallback& callback);
  // The evaluator refers to members.
  SolveRun(const SolveRun&) = delete;
  SolveRun& operator=(const SolveRun&) = delete;

  absl::StatusOr<Solution> Solve();

 private:
  using Clock = std::chrono::steady_clock;

  // In solve_run.cc.

  // The start as solvers see it.
  SolverStart Reduced(const Start& start) const;
  // The best point before any epoch is the start, or zero.
  void SetToFirst();
  // β and all that needs it, from the dual norm of Fᵀν at zero weights.
  absl::Status SetBeta(double largest);
  absl::StatusOr<Solution> Loop(Solver& solver);
  // Gap and bound of an earlier point with the bound of today.
  void Refresh(Progress& progress) const;
  void TakeAsBest(const Iterate& iterate, const Progress& progress);
  // Keeps the best iterate. Gated ones are feasible, and the objective ranks them. ReLU iterates may undercut the
  // optimum, and bounds and iterates improve in turns: beside the one of the least distance stays the nearest to its
  // cones among those whose objective is like the latest, for the bounds to come.
  void Rank(const Iterate& iterate);
  // Whether the answer, the best iterate or the start, is within the tolerance of a certain bound. One that is not
  // makes the next look wait, since each costs a product in float64.
  bool Converged(std::int64_t epoch);
  // Not in the reduced basis, which is itself rounded.
  void Certify();
  // Measures an iterate into latest_.
  void Record(const Iterate& iterate, std::int64_t epoch, double step_size);
  // Whether to end now; remembers which rule said so first.
  bool Stopped();

  // Of the solve, earlier attempts included.
  double Seconds() const { return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - began_).count(); }
  static double Distance(const Progress& progress) {
    return std::max(std::abs(progress.gap), progress.constraint_violation.value_or(0));
  }
  const Progress& Answer() { return StartWins(solution_.progress) ? first_.progress : solution_.progress; }

  // In solve_checkpoint.cc.

  void SaveWhenDue(const Solver& solver);
  absl::Status Load(Solver* solver);

  // In solve_answer.cc.

  // What a solver's failure comes to: the end that was asked for, a standstill, or, once an epoch has succeeded, the
  // best iterate and what went wrong.
  absl::StatusOr<Solution> Ended(const absl::Status& failure);
  Solution FinishAtZero();
  Solution Finish(StopReason reason);
  // Whether the start is to be preferred to a point with this progress. Judged with the last bound, as the point is. A
  // feasible start is left for lower objectives of the network alone, which a point just outside its cones need not
  // have.
  bool StartWins(const Progress& point);
  void SetSolution(StopReason reason);

  const Clock::time_point began_ = Clock::now();
  Program program_;  // β set when it was a share
  const Options& options_;
  const ProgressCallback& callback_;
  std::unique_ptr<const PenaltyFunction> penalty_;
  RowSpace row_space_;
  PatternOperator map_;
  Evaluator evaluator_;
  double beta_ = 0;  // for the half-sum loss
  std::optional<LowerBound> bound_;
  std::optional<StopReason> stop_;
  std::int64_t next_certificate_ = 0;
  bool has_best_ = false;  // whether solution_.progress is of an iterate, or of a start that ranks with them
  double earlier_seconds_ = 0;
  StallDetector stall_;
  std::optional<SolverStart> start_;
  struct Met {
    Iterate iterate;
    Progress progress;
  };
  Met first_;    // start or zero, as the solve began
  Met nearest_;  // see Rank; epoch 0 before there is one
  Progress latest_;
  Iterate best_;
  Solution solution_;
};

}  // namespace cvxnn::convex
