// SPDX-License-Identifier: Apache-2.0
// A regularisation path: the same convex program for a falling sequence of β, evenly spaced in log β from β_max down,
// each solve beginning at the solution before. Mishkin & Pilanci (arXiv 2306.00119) show that the optimum moves
// continuously with β, so that start is a good one.
#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/convex/reconstruct.h"
#include "core/convex/solve.h"
#include "core/descent/checkpoint.h"
#include "core/network/loss_function.h"
#include "core/training/choose_solver.h"
#include "core/training/convex_report.h"
#include "core/training/methods.h"
#include "core/training/path_state.h"
#include "core/training/patterns.h"

namespace cvxnn::training {
namespace {

// The share of β_max at a position of the path: 1 first, min_fraction last.
double Fraction(const RegularizationPath& path, std::int32_t position) {
  if (position + 1 == path.points) return path.min_fraction;
  return std::pow(path.min_fraction, static_cast<double>(position) / static_cast<double>(path.points - 1));
}

PathSelection Resolved(PathSelection asked, const TensorData& data) {
  if (asked != PathSelection::kAuto) return asked;
  if (!data.test_targets.defined() || data.test_targets.size(0) == 0) return PathSelection::kLeastBeta;
  return data.counting == Counting::kNone ? PathSelection::kTestLoss : PathSelection::kTestAccuracy;
}

// Whether `a` is to be preferred to `b`, which has the larger β. Equals keep the larger β: the sparser network.
bool Better(PathSelection selection, const EpochMetrics& a, const EpochMetrics& b) {
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  const double loss_a = a.test_loss.value_or(kWorst), loss_b = b.test_loss.value_or(kWorst);
  switch (selection) {
    case PathSelection::kTestAccuracy: {
      const double accuracy_a = a.test_accuracy.value_or(-1), accuracy_b = b.test_accuracy.value_or(-1);
      return accuracy_a != accuracy_b ? accuracy_a > accuracy_b : loss_a < loss_b;
    }
    case PathSelection::kTestLoss:
      return loss_a < loss_b;
    case PathSelection::kAuto:
    case PathSelection::kLeastBeta:
      break;
  }
  return true;
}

std::string Reason(PathSelection selection, const EpochMetrics& best) {
  switch (selection) {
    case PathSelection::kTestAccuracy:
      return absl::StrFormat("the largest test accuracy, %.4g%%", 100 * best.test_accuracy.value_or(0));
    case PathSelection::kTestLoss:
      return absl::StrFormat("the least test loss, %.6g", best.test_loss.value_or(0));
    case PathSelection::kAuto:
    case PathSelection::kLeastBeta:
      break;
  }
  return "the least beta";
}

// One path in progress.
class Path {
 public:
  Path(const Spec& spec, const RegularizationPath& path, const TensorData& data, const Hooks& hooks)
      : spec_(spec), path_(path), data_(data), hooks_(hooks) {}

  absl::StatusOr<Result> Run() {
    const LossFunction& loss = FunctionOf(spec_.loss);
    if (auto status = loss.CheckTargets("targets", data_.targets); !status.ok()) return status;
    if (data_.test_targets.defined()) {
      if (auto status = loss.CheckTargets("test_targets", data_.test_targets); !status.ok()) return status;
    }
    auto patterns = MakePatterns(spec_, path_.convex, data_, hooks_, [this] { return Stopped(); });
    if (absl::IsCancelled(patterns.status())) return Ended();
    if (!patterns.ok()) return patterns.status();
    program_.patterns = std::move(patterns->patterns);
    program_.blocks = patterns->blocks;
    SetProgram();
    if (hooks_.resume_from != nullptr) {
      auto resumed = FromBytes(std::exchange(*hooks_.resume_from, {}), FingerprintOnce(), data_.features);
      if (!resumed.ok()) return descent::CheckpointRefused(resumed.status());
      state_ = *std::move(resumed);
      earlier_seconds_ = state_.seconds;
    }
    const convex::Evaluation evaluation{data_.counting, data_.test_features, data_.test_targets};
    if (state_.next == 0) {
      if (auto status = FindBetaMax(evaluation); !status.ok()) return status;
    }
    while (state_.beta_max > 0 && state_.next < path_.points && !Stopped()) {
      if (auto status = SolveNext(evaluation); !status.ok()) return status;
      if (unfinished_) break;
      SaveWhenDue();
    }
    SaveWhenDue();
    return Ended();
  }

 private:
  // It reads all data.
  const descent::State& FingerprintOnce() {
    if (fingerprint_.empty()) fingerprint_ = Fingerprint(spec_, path_, data_, program_.patterns);
    return fingerprint_;
  }

  double Seconds() const {
    return earlier_seconds_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  }

  bool Stopped() {
    if (hooks_.should_stop && hooks_.should_stop()) {
      asked_to_stop_ = true;
    } else if (spec_.stopping.max_seconds > 0 && Seconds() >= spec_.stopping.max_seconds) {
      at_time_limit_ = true;
    }
    return asked_to_stop_ || at_time_limit_;
  }

  void SetProgram() {
    program_.activation = path_.convex.activation;
    program_.features = data_.features;
    program_.targets = data_.targets;
    program_.loss = spec_.loss;
    program_.loss_scale = spec_.loss_scale;
    program_.penalty = spec_.penalty;
  }

  convex::Options SolverOptions() const {
    convex::Options options;
    const ChosenSolver chosen = ChooseSolver(spec_, path_.convex, program_);
    options.solver = chosen.kind;
    options.working_set = chosen.working_set;
    options.penalty = path_.convex.penalty_method.value_or(PenaltyMethod());
    options.seed = spec_.seed;
    options.max_epochs = spec_.stopping.max_epochs;
    options.tolerance = spec_.stopping.tolerance;
    options.should_stop = hooks_.should_stop;
    if (spec_.stopping.max_seconds > 0) options.max_seconds = std::max(1e-9, spec_.stopping.max_seconds - Seconds());
    return options;
  }

  // At β_max zero is known to be the optimum without a solver.
  absl::Status FindBetaMax(const convex::Evaluation& evaluation) {
    program_.beta_max_fraction = 1;
    const auto solution = convex::Solve(program_, evaluation, SolverOptions());
    if (!solution.ok()) return solution.status();
    program_.beta_max_fraction.reset();
    state_.beta_max = solution->beta_max;
    return absl::OkStatus();
  }

  absl::Status SolveNext(const convex::Evaluation& evaluation) {
    program_.beta = Fraction(path_, state_.next) * state_.beta_max;
    convex::Options options = SolverOptions();
    options.start = state_.start;
    const double before = Seconds();
    const auto metrics_of = [&](const convex::Progress& progress) {
      EpochMetrics metrics = ToMetrics(progress, before);
      metrics.trial = state_.next;
      metrics.beta = program_.beta;
      return metrics;
    };
    std::int64_t reports = 0;
    const auto solution = convex::Solve(program_, evaluation, options, [&](const convex::Progress& progress) {
      ++reports;
      return !hooks_.observer || hooks_.observer(metrics_of(progress)) == Continue::kYes;
    });
    if (!solution.ok()) return solution.status();
    asked_to_stop_ = asked_to_stop_ || solution->reason == convex::StopReason::kStopped;
    at_time_limit_ = at_time_limit_ || solution->reason == convex::StopReason::kTimeLimit;
    unfinished_ = asked_to_stop_ || at_time_limit_;
    if (unfinished_ && solution->epochs == 0) return absl::OkStatus();
    PathModel model;
    model.network = convex::Reconstruct(program_, *solution);
    model.metrics = metrics_of(solution->progress);
    model.epochs = solution->epochs;
    const double tolerance = VerifiedTolerance(spec_.stopping);
    model.verified = std::abs(solution->progress.gap) <= tolerance &&
                     solution->progress.constraint_violation.value_or(0) <= tolerance;
    if (unfinished_) {
      partial_ = std::move(model);
      return absl::OkStatus();
    }
    state_.models.push_back(std::move(model));
    state_.start = convex::StartAt(*solution);
    state_.reports += reports;
    ++state_.next;
    return absl::OkStatus();
  }

  void SaveWhenDue() {
    if (!hooks_.save_checkpoint || !hooks_.checkpoint_due || state_.next == 0 || !hooks_.checkpoint_due()) return;
    state_.seconds = Seconds();
    hooks_.save_checkpoint({ToBytes(state_, FingerprintOnce()), state_.reports});
  }

  absl::StatusOr<Result> Ended() {
    Result result;
    const auto add = [&](PathModel& model) {
      result.summary.epochs += model.epochs;
      result.models.push_back({std::move(model.network), model.metrics});
    };
    std::int64_t verified = 0;
    for (PathModel& model : state_.models) {
      verified += model.verified ? 1 : 0;
      add(model);
    }
    if (partial_.has_value()) add(*partial_);
    const PathSelection selection = Resolved(path_.selection, data_);
    // What was cut short is chosen when there is nothing else.
    for (std::size_t i = 1; i < state_.models.size(); ++i) {
      if (Better(selection, result.models[i].final_metrics, result.models[result.best].final_metrics)) result.best = i;
    }
    result.summary.solver = Name(program_.features.defined() ? ChooseSolver(spec_, path_.convex, program_).kind
                                                             : SolverOf(spec_, path_.convex));
    result.summary.seconds = earlier_seconds_;
    result.summary.patterns = program_.patterns.mask.defined() ? program_.patterns.count() : 0;
    result.summary.termination = asked_to_stop_             ? Termination::kStopped
                                 : at_time_limit_           ? Termination::kTimeLimit
                                 : verified == path_.points ? Termination::kConverged
                                                            : Termination::kEpochLimit;
    const bool complete = !asked_to_stop_ && !at_time_limit_;
    const std::string ending = complete         ? "Path"
                               : at_time_limit_ ? "Stopped at the time limit: path"
                                                : "Stopped on request: path";
    if (result.models.empty()) {
      result.models.push_back({ZeroNetwork(path_.convex.activation, data_), EpochMetrics()});
      result.summary.message = absl::StrCat(ending, " of no beta, before the first epoch.");
      result.summary.certificate = Certificate();
      return result;
    }
    const EpochMetrics& best = result.models[result.best].final_metrics;
    result.summary.beta = best.beta.value_or(0);
    result.summary.certificate =
        Certificate{!std::holds_alternative<EnumeratedPatterns>(path_.convex.patterns) || IsRelaxation(program_),
                    complete && verified == static_cast<std::int64_t>(state_.models.size())};
    result.summary.message = absl::StrFormat(
        "%s of %d of %d beta from beta_max = %g down, over %s: %d verified; chosen: beta = %g, for %s.", ending,
        state_.models.size(), path_.points, state_.beta_max, Describe(path_.convex.patterns, result.summary.patterns),
        verified, result.summary.beta, Reason(selection, best));
    return result;
  }

  const Spec& spec_;
  const RegularizationPath& path_;
  const TensorData& data_;
  const Hooks& hooks_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  convex::Program program_;
  descent::State fingerprint_;  // empty until it is needed
  PathState state_;
  std::optional<PathModel> partial_;
  double earlier_seconds_ = 0;
  bool asked_to_stop_ = false;
  bool at_time_limit_ = false;
  bool unfinished_ = false;
};

}  // namespace

absl::StatusOr<Result> TrainPath(const Spec& spec, const RegularizationPath& path, const TensorData& data,
                                 const Hooks& hooks) {
  return Path(spec, path, data, hooks).Run();
}

}  // namespace cvxnn::training
