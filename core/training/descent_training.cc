// SPDX-License-Identifier: Apache-2.0
// Gradient descent of a spec: options and reports translated, the best trial named.
#include <ATen/ATen.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/descent/descent.h"
#include "core/descent/grid.h"
#include "core/training/methods.h"

namespace cvxnn::training {
namespace {

/// The networks that the spec starts from, on the device and in the precision of the data; none when it names none.
absl::StatusOr<std::vector<Network>> StartNetworks(const GradientDescent& descent, const TensorData& data,
                                                   const Hooks& hooks) {
  std::vector<Network> networks;
  const auto* named = std::get_if<descent::FromModels>(&descent.initialization);
  if (named == nullptr) return networks;
  const std::string field = "descent.initialization.from_models.models";
  if (!hooks.load_model) return absl::FailedPreconditionError(absl::StrCat(field, ": no models are stored here"));
  const auto here = [&](const at::Tensor& weights) { return weights.to(data.features.options()).contiguous(); };
  for (const std::string& name : named->models) {
    absl::StatusOr<Network> network = hooks.load_model(name);
    if (!network.ok()) return network.status();
    if (network->inputs() != data.features.size(1) || network->outputs() != data.targets.size(1)) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": ", name, " has ", network->inputs(), " inputs and ",
                                                     network->outputs(), " outputs: must have ", data.features.size(1),
                                                     " and ", data.targets.size(1), ", those of the data set"));
    }
    if (network->neurons() < 1) return absl::InvalidArgumentError(absl::StrCat(field, ": ", name, " has no neurons"));
    if (!networks.empty() &&
        (network->neurons() != networks[0].neurons() || network->activation != networks[0].activation)) {
      return absl::InvalidArgumentError(absl::StrCat(
          field, ": ", name, " has ", network->neurons(), " ", Name(network->activation), " neurons: must have ",
          networks[0].neurons(), " ", Name(networks[0].activation), " neurons, as ", named->models[0], " has"));
    }
    network->first_layer = here(network->first_layer);
    network->second_layer = here(network->second_layer);
    if (network->gates.defined()) network->gates = here(network->gates);
    networks.push_back(*std::move(network));
  }
  return networks;
}

descent::Options ToOptions(const Spec& spec, const GradientDescent& descent, Counting counting,
                           std::vector<Network> start) {
  descent::Options options;
  static_cast<descent::Method&>(options) = descent;
  if (!start.empty()) {
    options.activation = start[0].activation;
    options.neurons = start[0].neurons();
  }
  options.start = std::move(start);
  options.loss = spec.loss;
  options.loss_scale = spec.loss_scale;
  options.penalty = spec.penalty;
  options.beta = spec.beta.value_or(0);
  options.seed = spec.seed;
  options.max_epochs = spec.stopping.max_epochs;
  options.max_seconds = spec.stopping.max_seconds;
  options.counting = counting;
  return options;
}

EpochMetrics MetricsOf(const descent::EpochReport& report) {
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
  metrics.gradient_norm = report.gradient_norm;
  metrics.changed_patterns = report.changed_patterns;
  metrics.distinct_patterns = report.distinct_patterns;
  metrics.dead_neurons = report.dead_neurons;
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
    case descent::Ending::kConverged:
      return Termination::kConverged;
    case descent::Ending::kStalled:
      return Termination::kStalled;
  }
  return Termination::kEpochLimit;
}

/// How many trials ended in a way worth a word.
struct Counts {
  std::int64_t all = 0;  ///< asked for
  std::int64_t diverged = 0;
  std::int64_t stalled = 0;
};

/// "Trial 3", and what the grid gave it.
std::string BestTrial(const TrainedModel& model, const descent::Grid& grid) {
  std::string text = absl::StrFormat("Trial %d", model.final_metrics.trial);
  if (descent::Combinations(grid) == 1) return text;
  const TrialSetting setting = model.setting.value_or(TrialSetting());
  std::vector<std::string> parts;
  if (!grid.training_rows.empty()) parts.push_back(absl::StrCat(setting.training_rows, " rows"));
  if (!grid.neurons.empty()) parts.push_back(absl::StrCat(setting.neurons, " neurons"));
  if (!grid.learning_rates.empty()) parts.push_back(absl::StrCat("learning rate ", setting.learning_rate));
  if (!grid.betas.empty()) parts.push_back(absl::StrCat("beta ", setting.beta));
  return absl::StrCat(text, " (", absl::StrJoin(parts, ", "), ")");
}

std::string Message(const Result& result, const descent::Grid& grid, const Counts& counts) {
  const auto trained = static_cast<std::int64_t>(result.models.size());
  if (counts.diverged == trained) {
    return absl::StrFormat("All %d trials diverged; a smaller learning rate may help.", trained);
  }
  const TrainedModel& best = result.models[result.best];
  const double objective = best.final_metrics.objective.value_or(0);
  std::string message = absl::StrFormat("Objective %g after %d epochs", objective, best.final_metrics.epoch);
  if (counts.all > 1) {
    message = absl::StrFormat("%s is the best of %d with objective %g after %d epochs", BestTrial(best, grid), trained,
                              objective, best.final_metrics.epoch);
  }
  if (counts.diverged > 0) message += absl::StrFormat("; %d diverged", counts.diverged);
  if (counts.stalled > 0) {
    message += absl::StrFormat(
        "; %d stalled, their line searches found no acceptable step: a smaller learning rate may help", counts.stalled);
  }
  switch (result.summary.termination) {
    case Termination::kTimeLimit:
      message += "; stopped at the time limit";
      break;
    case Termination::kStopped:
      message += "; stopped on request";
      break;
    case Termination::kConverged:
      return message + "; every trial reached the optimiser's tolerance.";
    default:
      break;
  }
  if (trained < counts.all) message += absl::StrFormat(" before the other %d of the grid began", counts.all - trained);
  return message + ".";
}

}  // namespace

absl::StatusOr<Result> TrainByDescent(const Spec& spec, const GradientDescent& descent, const TensorData& data,
                                      const Hooks& hooks) {
  descent::Observers observers;
  if (hooks.observer) {
    observers.on_epoch = [&](const descent::EpochReport& report) {
      return hooks.observer(MetricsOf(report)) == Continue::kYes;
    };
  }
  observers.should_stop = hooks.should_stop;
  if (hooks.on_snapshot) {
    observers.on_snapshot = [&](const descent::Trial& trial) {
      return hooks.on_snapshot(
          {static_cast<std::int32_t>(trial.last.trial), trial.network, MetricsOf(trial.last), trial.setting});
    };
  }
  observers.checkpoint_due = hooks.checkpoint_due;
  if (hooks.save_checkpoint) {
    observers.save_checkpoint = [&](descent::Checkpoint checkpoint) {
      hooks.save_checkpoint({std::move(checkpoint.state), checkpoint.reports});
    };
  }
  auto start = StartNetworks(descent, data, hooks);
  if (!start.ok()) return start.status();
  const descent::Data tensors{data.features, data.targets, data.test_features, data.test_targets};
  auto descended = descent::RunDescent(ToOptions(spec, descent, data.counting, *std::move(start)), tensors, observers,
                                       hooks.resume_from);
  if (!descended.ok()) return descended.status();

  Result result;
  Counts counts;
  counts.all = descent::TrialsInAll(descent);
  double least = std::numeric_limits<double>::infinity();
  for (auto& trial : descended->trials) {
    TrainedModel model{std::move(trial.network), MetricsOf(trial.last), trial.diverged_at.has_value(),
                       trial.diverged_at, trial.setting};
    counts.stalled += trial.stalled ? 1 : 0;
    if (model.diverged) {
      ++counts.diverged;
    } else if (trial.last.objective < least) {
      least = trial.last.objective;
      result.best = result.models.size();
    }
    result.models.push_back(std::move(model));
  }
  result.summary.termination = ToTermination(descended->ending);
  result.summary.beta = result.models[result.best].setting.value_or(TrialSetting()).beta;
  result.summary.solver = descent::Name(descent.optimizer);
  result.summary.epochs = descended->epochs;
  result.summary.seconds = descended->earlier_seconds;
  result.summary.message = Message(result, descent.grid, counts);
  if (const std::int64_t rows = data.features.size(0); descent.batch_size > rows) {
    absl::StrAppend(&result.summary.message, " Batches of ", descent.batch_size, " are more than the ", rows,
                    " rows: each step took all of them.");
  }
  return result;
}

}  // namespace cvxnn::training
