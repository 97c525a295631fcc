// SPDX-License-Identifier: Apache-2.0
// The loop that every solver runs in: reduce, set up, then step, measure, report and decide until a rule ends it.
#include "core/convex/solve.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/convex/certificate.h"
#include "core/convex/evaluate.h"
#include "core/convex/group_l2.h"
#include "core/convex/operator.h"
#include "core/convex/rank_reduction.h"
#include "core/convex/solvers/admm.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/fista.h"

namespace cvxnn::convex {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double RelativeGap(double objective, double lower_bound) {
  return (objective - lower_bound) / std::max(std::abs(objective), 1e-12);
}

double LossMultiple(const Program& program) {
  return HalfSumMultiple(program.loss_scale, static_cast<double>(program.features.size(0)));
}

absl::Status Check(const Program& program, const Options& options) {
  const auto& x = program.features;
  const auto& y = program.targets;
  if (x.dim() != 2 || y.dim() != 2 || x.size(0) != y.size(0) || x.size(0) < 1 || y.size(1) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("targets: must be a matrix with one row for each of the features' rows"));
  }
  if (program.patterns.mask.dim() != 2 || program.patterns.rows() != x.size(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("patterns: must have ", x.size(0), " rows, one for each of the data's"));
  }
  if (!(program.beta > 0) || !std::isfinite(program.beta)) {
    return absl::InvalidArgumentError(absl::StrCat("beta = ", program.beta, ": must be > 0 and finite"));
  }
  const bool gated = program.activation == Activation::kGated;
  if (gated != (options.solver == SolverKind::kFista)) {
    return absl::InvalidArgumentError(gated ? "solver = admm: must be fista for gated programs"
                                            : "solver = fista: must be admm for ReLU programs");
  }
  // Rank reduction leaves min(n, d) inputs.
  const std::int64_t inputs = std::min(x.size(0), x.size(1)), blocks = program.patterns.count() * y.size(1);
  return gated ? CheckFistaMemory(x.size(0), inputs, blocks, x) : CheckAdmmMemory(x.size(0), inputs, blocks, x);
}

// Watches for a solve that rounding has brought to a standstill: over `kWindow` epochs neither objective nor bound
// moved by more than a few units in the last place.
class StallDetector {
 public:
  explicit StallDetector(double epsilon) : tolerance_(8 * epsilon) {}
  bool Stalled(double objective, double lower_bound) {
    const double scale = tolerance_ * std::max(std::abs(objective), 1e-300);
    if (std::abs(objective - objective_) > scale || std::abs(lower_bound - lower_bound_) > scale) {
      objective_ = objective;
      lower_bound_ = lower_bound;
      unchanged_ = 0;
    }
    return ++unchanged_ > kWindow;
  }

 private:
  static constexpr int kWindow = 100;
  double tolerance_;
  double objective_ = std::numeric_limits<double>::infinity();
  double lower_bound_ = 0;
  int unchanged_ = 0;
};

// One solve in progress.
class Run {
 public:
  Run(const Program& program, const Evaluation& evaluation, const Options& options, const ProgressCallback& callback)
      : program_(program),
        options_(options),
        callback_(callback),
        row_space_(program.features),
        map_(row_space_.Reduce(program.features), program.patterns.mask, program.targets.size(1)),
        evaluator_(program, evaluation, map_, row_space_),
        beta_(program.beta / LossMultiple(program)),
        bound_(program.targets, beta_) {}

  absl::StatusOr<Solution> Solve() {
    const bool gated = program_.activation == Activation::kGated;
    const auto options = map_.features().options();
    const std::int64_t columns = map_.blocks() * (gated ? 1 : 2);
    best_ = {at::zeros({map_.inputs(), columns}, options), at::zeros({columns}, options.dtype(at::kDouble)),
             at::zeros_like(program_.targets)};
    // The dual point of zero weights: ν = Y. It settles the question alone when β >= β_max.
    const at::Tensor correlations = map_.Adjoint(program_.targets);
    bound_.Offer(program_.targets, correlations);
    Record(best_, 0, 0);
    solution_.progress = latest_;
    const bool zero_is_exact = map_.blocks() == 0 || ColumnNorms(correlations).max().item<double>() <= beta_;
    if (zero_is_exact) {
      latest_.lower_bound = latest_.objective;
      latest_.gap = 0;
      solution_.progress = latest_;
      if (callback_) callback_(latest_);
      return Finish(StopReason::kZeroIsExact);
    }
    const HalfSumProblem problem{map_, program_.targets, beta_, options_.should_stop};
    std::unique_ptr<Solver> solver;
    if (gated) {
      solver = std::make_unique<Fista>(problem);
    } else {
      solver = std::make_unique<Admm>(problem);
    }
    const absl::Status ready = problem.Stopped() ? absl::CancelledError() : solver->SetUp();
    if (absl::IsCancelled(ready)) return Finish(StopReason::kStopped);
    if (!ready.ok()) return ready;
    return Loop(*solver);
  }

 private:
  absl::StatusOr<Solution> Loop(Solver& solver) {
    StallDetector stall(map_.features().scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon()
                                                                    : std::numeric_limits<double>::epsilon());
    double best_merit = std::numeric_limits<double>::infinity();
    for (std::int64_t epoch = 1;; ++epoch) {
      const absl::Status status = solver.Step(bound_);
      if (absl::IsCancelled(status)) return Finish(StopReason::kStopped);
      if (!status.ok()) return status;
      Record(solver.iterate(), epoch, solver.step_size());
      if (!std::isfinite(latest_.objective)) {
        return absl::InternalError(absl::StrCat("the objective stopped being finite in epoch ", epoch));
      }
      solution_.epochs = epoch;
      const double infeasibility = latest_.constraint_violation.value_or(0);
      const double distance = std::max(std::abs(latest_.gap), infeasibility);
      // Gated iterates are feasible, so the objective ranks them; ReLU iterates may undercut the optimum.
      const double merit = latest_.constraint_violation.has_value() ? distance : latest_.objective;
      const bool converged = distance <= options_.tolerance;
      if (merit <= best_merit || converged) {
        best_merit = merit;
        best_ = solver.iterate();
        solution_.progress = latest_;
      }
      if (callback_ && !callback_(latest_)) return Finish(StopReason::kStopped);
      if (converged) return Finish(StopReason::kConverged);
      if (options_.should_stop && options_.should_stop()) return Finish(StopReason::kStopped);
      if (epoch >= options_.max_epochs) return Finish(StopReason::kEpochLimit);
      if (options_.max_seconds > 0 && latest_.seconds >= options_.max_seconds) return Finish(StopReason::kTimeLimit);
      if (stall.Stalled(latest_.objective, latest_.lower_bound)) return Finish(StopReason::kStalled);
    }
  }

  // Measures an iterate into latest_.
  void Record(const Iterate& iterate, std::int64_t epoch, double step_size) {
    latest_ = Progress();
    evaluator_.Measure(iterate, latest_);
    latest_.epoch = epoch;
    latest_.step_size = step_size;
    latest_.lower_bound = LossMultiple(program_) * bound_.value();
    latest_.gap = RelativeGap(latest_.objective, latest_.lower_bound);
    latest_.seconds = SecondsSince(start_);
  }

  Solution Finish(StopReason reason) {
    const at::Tensor weights = row_space_.Restore(best_.weights);
    solution_.positive = weights.narrow(1, 0, map_.blocks());
    if (program_.activation == Activation::kRelu) {
      solution_.negative = weights.narrow(1, map_.blocks(), map_.blocks());
    }
    solution_.progress.lower_bound = std::max(solution_.progress.lower_bound, latest_.lower_bound);
    solution_.progress.gap = RelativeGap(solution_.progress.objective, solution_.progress.lower_bound);
    solution_.reason = reason;
    solution_.passes = map_.passes();
    return std::move(solution_);
  }

  const Clock::time_point start_ = Clock::now();
  const Program& program_;
  const Options& options_;
  const ProgressCallback& callback_;
  RowSpace row_space_;
  PatternOperator map_;
  Evaluator evaluator_;
  double beta_;  // for the half-sum loss
  LowerBound bound_;
  Progress latest_;
  Iterate best_;
  Solution solution_;
};

}  // namespace

double BetaMax(const Program& program) {
  if (program.patterns.count() == 0) return 0;
  const PatternOperator map(program.features, program.patterns.mask, program.targets.size(1));
  return LossMultiple(program) * ColumnNorms(map.Adjoint(program.targets)).max().item<double>();
}

absl::StatusOr<Solution> Solve(const Program& program, const Evaluation& evaluation, const Options& options,
                               const ProgressCallback& callback) {
  if (const absl::Status status = Check(program, options); !status.ok()) return status;
  return Run(program, evaluation, options, callback).Solve();
}

}  // namespace cvxnn::convex
