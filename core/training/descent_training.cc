// SPDX-License-Identifier: Apache-2.0
// Gradient descent of a spec: options and reports translated, the best trial named.
#include <limits>

#include "absl/strings/str_format.h"
#include "core/descent/descent.h"
#include "core/training/methods.h"

namespace cvxnn::training {
namespace {

descent::Options ToOptions(const Spec& spec, const GradientDescent& descent, Counting counting) {
  descent::Options options;
  options.activation = descent.activation;
  options.neurons = descent.neurons;
  options.loss = spec.loss;
  options.loss_scale = spec.loss_scale;
  options.penalty = spec.penalty;
  options.beta = spec.beta.value_or(0);
  options.optimizer.optimizer = descent.optimizer;
  options.optimizer.learning_rate = descent.learning_rate;
  options.optimizer.momentum = descent.momentum;
  options.optimizer.adam_beta1 = descent.adam_beta1;
  options.optimizer.adam_beta2 = descent.adam_beta2;
  options.optimizer.adam_epsilon = descent.adam_epsilon;
  options.batch_size = descent.batch_size;
  options.trials = descent.trials;
  options.seed = spec.seed;
  options.initialization = descent.initialization;
  options.initialization_scale = descent.initialization_scale;
  options.max_epochs = spec.stopping.max_epochs;
  options.max_seconds = spec.stopping.max_seconds;
  options.counting = counting;
  return options;
}

EpochMetrics ToMetrics(const descent::EpochReport& report) {
  EpochMetrics metrics;
  metrics.trial = static_cast<std::int32_t>(report.trial);
  metrics.epoch = report.epoch;
  metrics.seconds = report.seconds;
  metrics.objective = report.objective;
  metrics.loss = report.loss;
  metrics.penalty = report.penalty;
  metrics.train_accuracy = report.train_accuracy;
  metrics.test_accuracy = report.test_accuracy;
  metrics.test_loss = report.test_loss;
  metrics.active_neurons = report.active_neurons;
  metrics.step_size = report.learning_rate;
  return metrics;
}

Termination ToTermination(descent::Ending ending) {
  switch (ending) {
    case descent::Ending::kEpochLimit:
      return Termination::kEpochLimit;
    case descent::Ending::kTimeLimit:
      return Termination::kTimeLimit;
    case descent::Ending::kStopped:
      return Termination::kStopped;
    case descent::Ending::kDiverged:
      return Termination::kDiverged;
  }
  return Termination::kEpochLimit;
}

std::string Message(const Result& result, std::int64_t diverged) {
  const auto trials = static_cast<std::int64_t>(result.models.size());
  if (diverged == trials) {
    return absl::StrFormat("All %d trials diverged; a smaller learning rate may help.", trials);
  }
  const EpochMetrics& best = result.models[result.best].final_metrics;
  std::string message = absl::StrFormat("Trial %d is the best of %d with objective %g after %d epochs", best.trial,
                                        trials, best.objective.value_or(0), best.epoch);
  if (diverged > 0) message += absl::StrFormat("; %d diverged", diverged);
  switch (result.summary.termination) {
    case Termination::kTimeLimit:
      return message + "; stopped at the time limit.";
    case Termination::kStopped:
      return message + "; stopped on request.";
    default:
      return message + ".";
  }
}

}  // namespace

absl::StatusOr<Result> TrainByDescent(const Spec& spec, const GradientDescent& descent, const TensorData& data,
                                      const Hooks& hooks) {
  descent::Observers observers;
  if (hooks.observer) {
    observers.on_epoch = [&](const descent::EpochReport& report) {
      return hooks.observer(ToMetrics(report)) == Continue::kYes;
    };
  }
  observers.should_stop = hooks.should_stop;
  const descent::Data tensors{data.features, data.targets, data.test_features, data.test_targets};
  auto descended = descent::RunDescent(ToOptions(spec, descent, data.counting), tensors, observers);
  if (!descended.ok()) return descended.status();

  Result result;
  std::int64_t diverged = 0;
  double least = std::numeric_limits<double>::infinity();
  for (auto& trial : descended->trials) {
    TrainedModel model{std::move(trial.network), ToMetrics(trial.last), trial.diverged_at.has_value()};
    if (model.diverged) {
      ++diverged;
    } else if (trial.last.objective < least) {
      least = trial.last.objective;
      result.best = result.models.size();
    }
    result.models.push_back(std::move(model));
  }
  result.summary.termination = ToTermination(descended->ending);
  result.summary.beta = spec.beta.value_or(0);
  result.summary.solver = descent::Name(descent.optimizer);
  result.summary.epochs = descended->epochs;
  result.summary.message = Message(result, diverged);
  return result;
}

}  // namespace cvxnn::training
