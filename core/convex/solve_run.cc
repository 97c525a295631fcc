// SPDX-License-Identifier: Apache-2.0
// The loop that every solver runs in: reduce, set up, then step, measure, report and decide until a rule ends it.
#include "core/convex/solve_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/least_squares_bound.h"
#include "core/convex/make_solver.h"

namespace cvxnn::convex {
namespace {

std::unique_ptr<const PenaltyFunction> PenaltyOf(const Program& program) {
  auto penalty = MakePenaltyFunction(program.penalty, program.targets.size(1));
  return program.blocks.defined() ? MakeConfined(std::move(penalty), program.blocks) : std::move(penalty);
}

}  // namespace

SolveRun::SolveRun(const Program& program, const Evaluation& evaluation, const Options& options,
                   const ProgressCallback& callback)
    : program_(program),
      options_(options),
      callback_(callback),
      penalty_(PenaltyOf(program_)),
      row_space_(program_.features, penalty_->RotationInvariant()),
      map_(row_space_.Reduce(program_.features), program_.patterns.mask, program_.targets.size(1)),
      evaluator_(program_, evaluation, map_, row_space_),
      stall_(Epsilon(program_.features)) {
  if (options.start.has_value()) start_.emplace(Reduced(*options.start));
}

absl::StatusOr<Solution> SolveRun::Solve() {
  SetToFirst();
  if (Stopped()) return Finish(*stop_);
  const at::Tensor zeros = at::zeros_like(program_.targets);
  const at::Tensor dual = FunctionOf(program_.loss).Gradient(zeros, program_.targets).mul(-0.5);
  const at::Tensor correlations = map_.Adjoint(dual);
  const double largest =
      correlations.numel() == 0 ? 0 : penalty_->DualNorms(correlations, at::Tensor()).max().item<double>();
  if (!std::isfinite(largest)) return absl::InternalError("the products of features and targets are not finite");
  if (absl::Status status = SetBeta(largest); !status.ok()) return status;
  // The dual point of zero weights settles the question alone when β >= β_max. A β that is β_max in other
  // units or another basis may lie below it by rounding; the objective then differs by the square of that. Where
  // there is no β_max, zero is optimal only if nothing correlates.
  bound_->Offer(dual, correlations);
  const double least = HasBetaMax(program_.penalty) ? beta_ * (1 + 8 * Epsilon(map_.features())) : 0;
  if (largest <= least) return FinishAtZero();

  // β is known now.
  if (start_.has_value()) SetToFirst();
  const HalfSumProblem problem{map_,         program_.targets,
                               correlations, program_.loss,
                               beta_,        [this] { return Stopped(); },
                               *penalty_,    start_.has_value() ? &*start_ : nullptr};
  auto made = MakeSolver(problem, program_, options_);
  if (!made.ok()) return Ended(made.status());
  Solver& solver = *made->solver;
  solution_.without_kernel = made->without_kernel;
  if (Stopped()) return Finish(*stop_);
  if (const absl::Status ready = solver.SetUp(); !ready.ok()) return Ended(ready);
  if (options_.resume_from != nullptr) {
    if (const absl::Status loaded = Load(&solver); !loaded.ok()) return Ended(loaded);
  }
  auto solution = Loop(solver);
  if (!solution.ok()) return solution;
  solution->state = solver.state();
  if (made->report != nullptr) solution->working_set = *made->report;
  return solution;
}

SolverStart SolveRun::Reduced(const Start& start) const {
  const auto options = program_.features.options();
  const at::Tensor weights = start.negative.defined() ? at::cat({start.positive, start.negative}, 1) : start.positive;
  SolverStart reduced{row_space_.Project(weights.to(options)), start.state};
  if (reduced.state.multipliers.defined()) reduced.state.multipliers = reduced.state.multipliers.to(options);
  return reduced;
}

void SolveRun::SetToFirst() {
  const auto options = map_.features().options();
  const std::int64_t columns = map_.blocks() * (program_.activation == Activation::kGated ? 1 : 2);
  if (start_.has_value()) {
    const PenalizedPoint first = penalty_->Prox(start_->weights, 0);
    best_ = {first.weights, first.norms, at::Tensor(), first.terms};
  } else {
    best_ = {at::zeros({map_.inputs(), columns}, options), at::zeros({columns}, options.dtype(at::kDouble)),
             at::zeros_like(program_.targets), at::zeros({0}, options.dtype(at::kDouble))};
  }
  Record(best_, 0, 0);
  solution_.progress = latest_;
  first_ = {best_, latest_};
}

absl::Status SolveRun::SetBeta(double largest) {
  const double multiple = LossMultiple(program_);
  if (HasBetaMax(program_.penalty)) solution_.beta_max = multiple * largest;
  beta_ = program_.beta / multiple;
  if (program_.beta_max_fraction.has_value()) {
    if (!(largest > 0)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "beta_max_fraction = ", *program_.beta_max_fraction,
          ": beta_max is 0, since no pattern correlates with the targets on these data; give beta instead"));
    }
    beta_ = *program_.beta_max_fraction * largest;
    program_.beta = multiple * beta_;
  }
  solution_.beta = program_.beta;
  bound_.emplace(
      program_.targets, beta_,
      at::linalg_vector_norm(program_.features, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>(),
      program_.loss, program_.penalty);
  bound_->Confine(program_.blocks);
  if (penalty_->conjugate() == Conjugate::kSubspace && program_.loss == Loss::kSquared) {
    bound_->Raise(LeastSquaresBound(program_.features, program_.patterns.mask, program_.targets));
  }
  return absl::OkStatus();
}

absl::StatusOr<Solution> SolveRun::Loop(Solver& solver) {
  // A gated start is feasible and ranks with the iterates.
  if (solution_.epochs == 0) has_best_ = program_.activation == Activation::kGated && start_.has_value();
  for (std::int64_t epoch = solution_.epochs + 1;; ++epoch) {
    if (const absl::Status status = solver.Step(*bound_); !status.ok()) {
      if (absl::IsCancelled(status) && solution_.epochs > 0 && solver.undoes_steps()) SaveWhenDue(solver);
      return Ended(status);
    }
    Record(solver.iterate(), epoch, solver.step_size());
    if (!std::isfinite(latest_.objective)) {
      return Ended(absl::InternalError(absl::StrCat("the objective stopped being finite in epoch ", epoch)));
    }
    if (latest_.constraint_violation.has_value()) solver.Judge(*latest_.constraint_violation, latest_.gap);
    solution_.epochs = epoch;
    Rank(solver.iterate());
    const bool converged = Converged(epoch);
    if (callback_ && !callback_(latest_)) return Finish(StopReason::kStopped);
    if (converged) return Finish(StopReason::kConverged);
    if (epoch >= options_.max_epochs && !Stopped()) return Finish(StopReason::kEpochLimit);
    if (stall_.Stalled(latest_.objective, latest_.lower_bound)) return Finish(StopReason::kStalled);
    // Asked before the checkpoint, so that a stop does not come between the two.
    const bool stopped = Stopped();
    SaveWhenDue(solver);
    if (stopped) return Finish(*stop_);
  }
}

void SolveRun::Refresh(Progress& progress) const {
  progress.lower_bound = LossMultiple(program_) * bound_->value();
  progress.gap = RelativeGap(progress.objective, progress.lower_bound);
}

void SolveRun::TakeAsBest(const Iterate& iterate, const Progress& progress) {
  best_ = iterate;
  solution_.progress = progress;
  has_best_ = true;
}

void SolveRun::Rank(const Iterate& iterate) {
  if (program_.activation == Activation::kGated) {
    if (!has_best_ || latest_.objective <= solution_.progress.objective) TakeAsBest(iterate, latest_);
    Refresh(solution_.progress);
    return;
  }
  const auto nearness = [this](const Progress& progress) {
    return std::max(progress.constraint_violation.value_or(0),
                    std::abs(progress.objective - latest_.objective) /
                        std::max(std::abs(latest_.objective), std::numeric_limits<double>::min()));
  };
  if (nearest_.progress.epoch == 0 || nearness(latest_) <= nearness(nearest_.progress)) nearest_ = {iterate, latest_};
  Refresh(nearest_.progress);
  Refresh(solution_.progress);
  for (const Met& met : {nearest_, Met{iterate, latest_}}) {
    if (!has_best_ || Distance(met.progress) <= Distance(solution_.progress)) TakeAsBest(met.iterate, met.progress);
  }
}

bool SolveRun::Converged(std::int64_t epoch) {
  if (Distance(Answer()) > options_.tolerance || epoch < next_certificate_) return false;
  Certify();
  Refresh(latest_);
  Refresh(solution_.progress);
  next_certificate_ = epoch + 1 + epoch / 10;
  return Distance(Answer()) <= options_.tolerance;
}

void SolveRun::Certify() {
  bound_->Certify(PatternOperator(program_.features, program_.patterns.mask, program_.targets.size(1)));
}

void SolveRun::Record(const Iterate& iterate, std::int64_t epoch, double step_size) {
  latest_ = Progress();
  evaluator_.Measure(iterate, latest_);
  latest_.epoch = epoch;
  latest_.step_size = step_size;
  latest_.lower_bound = bound_.has_value() ? LossMultiple(program_) * bound_->value() : 0;
  latest_.gap = RelativeGap(latest_.objective, latest_.lower_bound);
  latest_.seconds = Seconds();
}

bool SolveRun::Stopped() {
  if (stop_.has_value()) return true;
  if (options_.should_stop && options_.should_stop()) {
    stop_ = StopReason::kStopped;
  } else if (options_.max_seconds > 0 && Seconds() >= options_.max_seconds) {
    stop_ = StopReason::kTimeLimit;
  }
  return stop_.has_value();
}

}  // namespace cvxnn::convex
