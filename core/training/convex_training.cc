// SPDX-License-Identifier: Apache-2.0
// Convex training of a spec: patterns, β, solve, reconstruct, and the sentence that says how good the answer is.
#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/convex/reconstruct.h"
#include "core/convex/solve.h"
#include "core/descent/checkpoint.h"
#include "core/network/loss_function.h"
#include "core/training/choose_solver.h"
#include "core/training/convex_report.h"
#include "core/training/convex_state.h"
#include "core/training/methods.h"
#include "core/training/patterns.h"
#include "core/training/refinement.h"

namespace cvxnn::training {

EpochMetrics ToMetrics(const convex::Progress& progress, double earlier_seconds) {
  EpochMetrics metrics;
  metrics.epoch = progress.epoch;
  metrics.seconds = earlier_seconds + progress.seconds;
  metrics.objective = progress.objective;
  metrics.loss = progress.loss;
  metrics.penalty = progress.penalty;
  metrics.train_accuracy = progress.train_accuracy;
  metrics.test_accuracy = progress.test_accuracy;
  metrics.test_loss = progress.test_loss;
  metrics.network_objective = progress.network_objective;
  metrics.lower_bound = progress.lower_bound;
  metrics.gap = progress.gap;
  metrics.constraint_violation = progress.constraint_violation;
  metrics.active_neurons = progress.active_neurons;
  if (progress.step_size > 0) metrics.step_size = progress.step_size;
  return metrics;
}

double VerifiedTolerance(const StoppingRule& stopping) {
  constexpr double kDefaultTolerance = 1e-4;
  return stopping.tolerance > 0 ? stopping.tolerance : kDefaultTolerance;
}

convex::SolverKind SolverOf(const Spec& spec, const ConvexTraining& convex) {
  switch (convex.solver) {
    case ConvexSolver::kFista:
      return convex::SolverKind::kFista;
    case ConvexSolver::kAdmm:
      return convex::SolverKind::kAdmm;
    case ConvexSolver::kInteriorPoint:
      return convex::SolverKind::kInteriorPoint;
    case ConvexSolver::kPenalty:
      return convex::SolverKind::kPenalty;
    case ConvexSolver::kNewton:
      return convex::SolverKind::kNewton;
    case ConvexSolver::kAuto:
      break;
  }
  const bool smooth_and_gated = convex.activation == Activation::kGated && spec.loss != Loss::kHinge;
  return smooth_and_gated ? convex::SolverKind::kFista : convex::SolverKind::kAdmm;
}

std::string Name(convex::SolverKind solver) {
  switch (solver) {
    case convex::SolverKind::kFista:
      return "fista";
    case convex::SolverKind::kAdmm:
      return "admm";
    case convex::SolverKind::kInteriorPoint:
      return "interior_point";
    case convex::SolverKind::kPenalty:
      return "penalty";
    case convex::SolverKind::kNewton:
      return "newton";
  }
  return "";
}

bool IsRelaxation(const convex::Program& program) {
  return program.activation == Activation::kRelu && convex::IsNuclear(program);
}

namespace {

Termination ToTermination(convex::StopReason reason) {
  switch (reason) {
    case convex::StopReason::kConverged:
    case convex::StopReason::kZeroIsExact:
      return Termination::kConverged;
    case convex::StopReason::kEpochLimit:
      return Termination::kEpochLimit;
    case convex::StopReason::kTimeLimit:
      return Termination::kTimeLimit;
    case convex::StopReason::kStopped:
      return Termination::kStopped;
    case convex::StopReason::kStalled:
      return Termination::kStalled;
  }
  return Termination::kEpochLimit;
}

std::string Describe(const convex::WorkingSetReport& report, std::int64_t patterns) {
  return absl::StrFormat(
      "It worked on at most %d of the %d patterns at a time, found in %d passes over all; %d were proved to be zero at "
      "every optimum.",
      report.patterns, patterns, report.rounds, report.screened);
}

std::string Ending(convex::StopReason reason) {
  switch (reason) {
    case convex::StopReason::kConverged:
      return "Converged";
    case convex::StopReason::kZeroIsExact:
      return "Solved";
    case convex::StopReason::kEpochLimit:
      return "Stopped at the epoch limit";
    case convex::StopReason::kTimeLimit:
      return "Stopped at the time limit";
    case convex::StopReason::kStopped:
      return "Stopped on request";
    case convex::StopReason::kStalled:
      return "Stopped at the limit of this precision";
  }
  return "Ended";
}

const char* Reach(const Certificate& certificate) {
  return certificate.restricted ? "restricted to these patterns" : "global, for networks of any width";
}

// `patterns` is what Describe calls them.
std::string Message(const std::string& patterns, convex::StopReason reason, const convex::Program& program,
                    const convex::Solution& solution, const Certificate& certificate) {
  if (reason == convex::StopReason::kZeroIsExact) {
    return absl::StrFormat(
        "Solved: beta = %g is at least beta_max over %s, so the zero network is optimal for them; verified, %s.",
        solution.beta, patterns, Reach(certificate));
  }
  std::string message =
      absl::StrFormat("%s after %d epochs: relative gap %.2g", Ending(reason), solution.epochs, solution.progress.gap);
  if (solution.progress.constraint_violation.has_value()) {
    absl::StrAppendFormat(&message, ", constraint violation %.2g", *solution.progress.constraint_violation);
  }
  absl::StrAppendFormat(&message, " over %s; %s, %s.", patterns, certificate.verified ? "verified" : "not verified",
                        Reach(certificate));
  if (IsRelaxation(program)) {
    absl::StrAppend(&message, " The program is a relaxation of weight decay: networks may not reach its optimum.");
  }
  if (solution.without_kernel) {
    absl::StrAppend(&message, " ADMM went by conjugate gradients, since an n×n matrix does not fit in memory.");
  }
  return message;
}

// Whether numbers failed where the answer is not good enough to do without them: a solver that is asked for more digits
// than its precision has ends that way as well.
bool HasTrouble(const convex::Solution& solution, double tolerance) {
  constexpr double kGoodEnough = 1e-4;
  const double most = std::max(tolerance, kGoodEnough);
  return !solution.trouble.empty() &&
         !(std::abs(solution.progress.gap) <= most && solution.progress.constraint_violation.value_or(0) <= most);
}

// What refinement came to, as a sentence.
std::string Describe(const Refined& refined, double first_objective, const Refinement& refinement) {
  std::string text = refined.rounds == 0
                         ? "No round of refinement was done"
                         : absl::StrFormat("%d rounds of refinement took the network from %g to %g", refined.rounds,
                                           first_objective, refined.solution.progress.network_objective);
  if (refined.searched) {
    absl::StrAppendFormat(
        &text, "; a search from %d starts found no pattern that would lower it further by more than the tolerance.",
        refinement.search_starts);
  } else if (refined.largest > 0) {
    absl::StrAppendFormat(&text, "; patterns that would lower it further were still found (%.3g beta).",
                          refined.largest);
  } else {
    text += ".";
  }
  return text;
}

// Ended while patterns were made: nothing was computed.
Result EndedBeforeTheProgram(Activation activation, const TensorData& data, bool at_time_limit) {
  Result result;
  result.models.push_back({ZeroNetwork(activation, data), EpochMetrics(), false});
  result.summary.termination = at_time_limit ? Termination::kTimeLimit : Termination::kStopped;
  result.summary.message =
      absl::StrCat("Stopped ", at_time_limit ? "at the time limit" : "on request", " before the first epoch.");
  result.summary.certificate = Certificate();
  return result;
}

}  // namespace

absl::StatusOr<Result> TrainConvex(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                                   const Hooks& hooks) {
  const auto start = std::chrono::steady_clock::now();
  double earlier_seconds = 0;  // of earlier attempts
  const auto seconds = [&] {
    return earlier_seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const LossFunction& loss = FunctionOf(spec.loss);
  if (auto status = loss.CheckTargets("targets", data.targets); !status.ok()) return status;
  if (data.test_targets.defined()) {
    if (auto status = loss.CheckTargets("test_targets", data.test_targets); !status.ok()) return status;
  }
  const double limit = spec.stopping.max_seconds;
  bool at_time_limit = false;
  auto patterns = MakePatterns(spec, convex, data, hooks, [&] {
    if (hooks.should_stop && hooks.should_stop()) return true;
    at_time_limit = limit > 0 && seconds() >= limit;
    return at_time_limit;
  });
  if (absl::IsCancelled(patterns.status())) {
    Result result = EndedBeforeTheProgram(convex.activation, data, at_time_limit);
    result.summary.solver = Name(SolverOf(spec, convex));
    return result;
  }
  if (!patterns.ok()) return patterns.status();

  convex::Program program;
  program.activation = convex.activation;
  program.features = data.features;
  program.targets = data.targets;
  program.patterns = std::move(patterns->patterns);
  program.blocks = patterns->blocks;
  program.loss = spec.loss;
  program.penalty = spec.penalty;
  program.loss_scale = spec.loss_scale;
  program.beta = spec.beta.value_or(0);
  program.beta_max_fraction = spec.beta_max_fraction;
  const convex::Evaluation evaluation{data.counting, data.test_features, data.test_targets};
  convex::Options options;
  const ChosenSolver solver = ChooseSolver(spec, convex, program);
  options.solver = solver.kind;
  options.working_set = solver.working_set;
  options.penalty = convex.penalty_method.value_or(PenaltyMethod());
  options.seed = spec.seed;
  options.tolerance = spec.stopping.tolerance;
  options.should_stop = hooks.should_stop;

  const std::optional<Refinement> refinement = RefinementOf(spec, convex, data.targets.size(1));
  ConvexState state;
  std::optional<descent::State> fingerprint;  // made when it is needed, since it reads all data
  const auto fingerprint_once = [&]() -> const descent::State& {
    if (!fingerprint.has_value()) fingerprint = Fingerprint(spec, convex, data, program, Name(solver.kind));
    return *fingerprint;
  };
  if (hooks.resume_from != nullptr) {
    auto resumed = ConvexStateFromBytes(std::exchange(*hooks.resume_from, {}), fingerprint_once(), data);
    if (!resumed.ok()) return descent::CheckpointRefused(resumed.status());
    state = *std::move(resumed);
    earlier_seconds = state.seconds;
  }
  const auto save = [&](std::optional<descent::State> solve_state) {
    if (!hooks.save_checkpoint) return;
    state.seconds = seconds();
    state.solve = std::move(solve_state);
    hooks.save_checkpoint({ToBytes(state, fingerprint_once()), state.reports});
    state.solve.reset();
  };
  options.save_state = save;
  options.checkpoint_due = hooks.save_checkpoint ? hooks.checkpoint_due : nullptr;

  std::int64_t epochs = state.earlier_epochs;
  EpochMetrics answer_metrics;
  const auto solve = [&](const convex::Program& asked,
                         std::optional<convex::Start> from) -> absl::StatusOr<convex::Solution> {
    std::optional<descent::State> resumed = std::exchange(state.solve, std::nullopt);
    if (!resumed.has_value()) state.solve_began = seconds();
    options.resume_from = resumed.has_value() ? &*resumed : nullptr;
    options.start = std::move(from);
    options.max_epochs = std::max<std::int64_t>(1, spec.stopping.max_epochs - state.earlier_epochs);
    if (limit > 0) options.max_seconds = std::max(1e-9, limit - state.solve_began);
    const auto metrics_of = [&](const convex::Progress& progress) {
      EpochMetrics metrics = ToMetrics(progress, state.solve_began);
      metrics.epoch += state.earlier_epochs;
      if (refinement.has_value()) metrics.round = state.round.has_value() ? state.round->round : 0;
      return metrics;
    };
    auto answer = convex::Solve(asked, evaluation, options, [&](const convex::Progress& progress) {
      ++state.reports;
      return !hooks.observer || hooks.observer(metrics_of(progress)) == Continue::kYes;
    });
    if (!answer.ok())
      return absl::IsDataLoss(answer.status()) ? descent::CheckpointRefused(answer.status()) : answer.status();
    answer_metrics = metrics_of(answer->progress);
    epochs = state.earlier_epochs + answer->epochs;
    return answer;
  };
  Refined refined{program, {}, 0, false, 0};
  if (!state.round.has_value()) {
    auto first = solve(program, std::nullopt);
    if (!first.ok()) return first.status();
    state.first_objective = first->progress.network_objective;
    state.beta = first->beta;
    refined.solution = *std::move(first);
  }

  std::optional<convex::StopReason> cut;
  std::string left_out;
  if (refinement.has_value() && (state.round.has_value() || (refined.solution.reason != convex::StopReason::kStopped &&
                                                             refined.solution.trouble.empty()))) {
    // What ends refinement before it is through.
    const std::function<bool()> ended = [&] {
      if (cut.has_value()) return true;
      if (hooks.should_stop && hooks.should_stop()) cut = convex::StopReason::kStopped;
      if (epochs >= spec.stopping.max_epochs) cut = convex::StopReason::kEpochLimit;
      if (limit > 0 && seconds() >= limit) cut = convex::StopReason::kTimeLimit;
      return cut.has_value();
    };
    program.beta = state.beta;
    program.beta_max_fraction.reset();
    // A round that was interrupted, or one that begins.
    const SolveRound solve_round = [&](const convex::Program& asked, const RoundStart& from) {
      if (!state.solve.has_value()) {
        state.earlier_epochs = epochs;
        state.round = from;
        if (hooks.checkpoint_due && hooks.checkpoint_due()) {
          state.solve_began = seconds();
          save(std::nullopt);
        }
      }
      return solve(asked, from.start);
    };
    auto result = state.round.has_value()
                      ? ResumeRefinement(spec, *refinement, data, program, *state.round, solve_round, ended)
                      : Refine(spec, *refinement, data, program, refined.solution, solve_round, ended);
    if (result.ok()) {
      refined = *std::move(result);
      program.patterns = refined.program.patterns;
    } else if (absl::IsResourceExhausted(result.status()) && !convex.refinement.has_value() &&
               !state.round.has_value()) {
      // Nobody asked for it: the first answer stands.
      left_out = absl::StrCat(" Refinement was left out: ", result.status().message(), ".");
    } else {
      return result.status();
    }
    refined.solution.epochs = epochs;
  }
  const convex::Solution* const solution = &refined.solution;

  const double tolerance = VerifiedTolerance(spec.stopping);
  Certificate certificate;
  certificate.restricted = !std::holds_alternative<EnumeratedPatterns>(convex.patterns) || IsRelaxation(program);
  certificate.searched = refined.searched;
  certificate.verified =
      std::abs(solution->progress.gap) <= tolerance && solution->progress.constraint_violation.value_or(0) <= tolerance;
  Result result;
  result.models.push_back({convex::Reconstruct(program, *solution), answer_metrics,
                           /*diverged=*/false});
  const bool trouble = HasTrouble(*solution, tolerance);
  result.summary.termination = trouble ? Termination::kNumericalTrouble : ToTermination(cut.value_or(solution->reason));
  result.summary.message = Message(refined.rounds > 0 ? absl::StrCat(program.patterns.count(), " patterns")
                                                      : Describe(convex.patterns, program.patterns.count()),
                                   cut.value_or(solution->reason), program, *solution, certificate);
  if (!left_out.empty()) {
    absl::StrAppend(&result.summary.message, left_out);
  } else if (refinement.has_value()) {
    absl::StrAppend(&result.summary.message, " ", Describe(refined, state.first_objective, *refinement));
  }
  if (trouble) {
    result.summary.message = absl::StrCat("Numbers failed (", solution->trouble, "), the best answer before is kept. ",
                                          result.summary.message);
  }
  result.summary.beta = solution->beta;
  result.summary.patterns = program.patterns.count();
  if (solution->epochs > 0 && !solver.reason.empty()) absl::StrAppend(&result.summary.message, " ", solver.reason);
  if (solution->working_set.rounds > 0) {
    absl::StrAppend(&result.summary.message, " ", Describe(solution->working_set, program.patterns.count()));
  }
  result.summary.solver = Name(solver.kind);
  result.summary.epochs = solution->epochs;
  result.summary.seconds = earlier_seconds;
  result.summary.certificate = certificate;
  return result;
}

}  // namespace cvxnn::training
