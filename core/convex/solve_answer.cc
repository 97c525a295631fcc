// SPDX-License-Identifier: Apache-2.0
// How a solve ends: which point is the answer, with which certificate and reason.
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "core/convex/solve_run.h"

namespace cvxnn::convex {

absl::StatusOr<Solution> SolveRun::Ended(const absl::Status& failure) {
  if (absl::IsCancelled(failure) && stop_.has_value()) return Finish(*stop_);
  if (absl::IsAborted(failure)) return Finish(StopReason::kStalled);
  if (!absl::IsInternal(failure) || solution_.epochs == 0) return failure;
  solution_.trouble = std::string(failure.message());
  return Finish(StopReason::kStalled);
}

Solution SolveRun::FinishAtZero() {
  start_.reset();
  SetToFirst();
  latest_.lower_bound = latest_.objective;
  latest_.gap = 0;
  latest_.seconds = Seconds();
  solution_.progress = latest_;
  if (callback_) callback_(latest_);
  SetSolution(StopReason::kZeroIsExact);
  return std::move(solution_);
}

Solution SolveRun::Finish(StopReason reason) {
  if (bound_.has_value()) {
    Certify();
    Refresh(solution_.progress);
    if (StartWins(solution_.progress)) {
      best_ = first_.iterate;
      solution_.progress = first_.progress;
    }
  }
  SetSolution(reason);
  return std::move(solution_);
}

bool SolveRun::StartWins(const Progress& point) {
  if (!start_.has_value()) return false;
  Progress& first = first_.progress;
  Refresh(first);
  if (program_.activation == Activation::kGated) return first.objective < point.objective;
  const bool feasible = first.constraint_violation.value_or(0) <= 256 * Epsilon(map_.features());
  return (feasible && first.network_objective < point.network_objective) || Distance(first) < Distance(point);
}

void SolveRun::SetSolution(StopReason reason) {
  const at::Tensor weights = row_space_.Restore(best_.weights);
  solution_.positive = weights.narrow(1, 0, map_.blocks());
  if (program_.activation == Activation::kRelu) {
    solution_.negative = weights.narrow(1, map_.blocks(), map_.blocks());
  }
  solution_.reason = reason;
}

}  // namespace cvxnn::convex
