// SPDX-License-Identifier: Apache-2.0
// See trial_state.h. A report is a row of numbers; those that are absent are NaN, which no report holds.
#include "core/descent/trial_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace cvxnn::descent {
namespace {

constexpr std::size_t kReportNumbers = 14;

template <typename Value>
double Packed(const std::optional<Value>& value) {
  return value ? static_cast<double>(*value) : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> NumbersOf(const EpochReport& report) {
  return {static_cast<double>(report.epoch),
          report.seconds,
          report.objective,
          report.loss,
          report.penalty,
          Packed(report.train_accuracy),
          Packed(report.test_accuracy),
          Packed(report.test_loss),
          static_cast<double>(report.active_neurons),
          report.learning_rate,
          Packed(report.gradient_norm),
          Packed(report.changed_patterns),
          Packed(report.distinct_patterns),
          Packed(report.dead_neurons)};
}

/// Integers of reports are far below this; what is not came from no report.
std::int64_t Integer(double value) { return std::abs(value) < 0x1p62 ? static_cast<std::int64_t>(value) : 0; }

std::optional<double> MaybeNumber(double value) {
  return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

std::optional<std::int64_t> MaybeInteger(double value) {
  return std::isnan(value) ? std::nullopt : std::optional<std::int64_t>(Integer(value));
}

EpochReport ReportOf(std::int64_t trial, const double* numbers) {
  EpochReport report;
  report.trial = trial;
  report.epoch = Integer(numbers[0]);
  report.seconds = numbers[1];
  report.objective = numbers[2];
  report.loss = numbers[3];
  report.penalty = numbers[4];
  report.train_accuracy = MaybeNumber(numbers[5]);
  report.test_accuracy = MaybeNumber(numbers[6]);
  report.test_loss = MaybeNumber(numbers[7]);
  report.active_neurons = Integer(numbers[8]);
  report.learning_rate = numbers[9];
  report.gradient_norm = MaybeNumber(numbers[10]);
  report.changed_patterns = MaybeInteger(numbers[11]);
  report.distinct_patterns = MaybeInteger(numbers[12]);
  report.dead_neurons = MaybeInteger(numbers[13]);
  return report;
}

}  // namespace

void SaveTrials(const Trial* trials, std::size_t count, const std::string& prefix, State& state) {
  std::vector<double> reports;
  std::vector<std::int64_t> diverged, stalled, with_network;
  std::vector<at::Tensor> first_layers, second_layers, gates;
  for (std::size_t i = 0; i < count; ++i) {
    const Trial& trial = trials[i];
    const std::vector<double> numbers = NumbersOf(trial.last);
    reports.insert(reports.end(), numbers.begin(), numbers.end());
    diverged.push_back(trial.diverged_at.value_or(-1));
    stalled.push_back(trial.stalled ? 1 : 0);
    if (!trial.network.first_layer.defined()) continue;
    with_network.push_back(static_cast<std::int64_t>(i));
    first_layers.push_back(trial.network.first_layer);
    second_layers.push_back(trial.network.second_layer);
    if (trial.network.gates.defined()) gates.push_back(trial.network.gates);
  }
  state[prefix + "reports"] = Entry(reports);
  state[prefix + "diverged"] = Entry(diverged);
  state[prefix + "stalled"] = Entry(stalled);
  state[prefix + "with_network"] = Entry(with_network);
  if (with_network.empty()) return;
  state[prefix + "first_layers"] = at::stack(first_layers);
  state[prefix + "second_layers"] = at::stack(second_layers);
  if (!gates.empty()) state[prefix + "gates"] = at::stack(gates);
}

std::vector<Trial> LoadTrials(const Batch& batch, const std::vector<std::int64_t>& without_network,
                              StateReader& reader) {
  const std::size_t count = batch.settings.size();
  const std::vector<double> reports = reader.Numbers("reports", count * kReportNumbers);
  const std::vector<std::int64_t> diverged = reader.Integers("diverged", count);
  const std::vector<std::int64_t> stalled = reader.Integers("stalled", count);
  std::vector<Trial> trials(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t number = batch.options.first_trial + batch.first + static_cast<std::int64_t>(i);
    trials[i].setting = batch.settings[i];
    trials[i].last = ReportOf(number, reports.data() + i * kReportNumbers);
    if (diverged[i] >= 0) trials[i].diverged_at = diverged[i];
    trials[i].stalled = stalled[i] != 0;
  }
  const std::vector<std::int64_t> with_network = reader.Places("with_network", static_cast<std::int64_t>(count));
  if (with_network.size() + without_network.size() != count) reader.Refuse("with_network");
  for (const std::int64_t place : with_network) {
    if (std::binary_search(without_network.begin(), without_network.end(), place)) reader.Refuse("with_network");
  }
  if (with_network.empty()) return trials;
  const auto networks = static_cast<std::int64_t>(with_network.size());
  const std::int64_t inputs = batch.data.features.size(1);
  const std::int64_t neurons = batch.options.neurons;
  const at::TensorOptions options = batch.data.features.options();
  const at::Tensor first = reader.Tensor("first_layers", {networks, inputs, neurons}, options);
  const at::Tensor second = reader.Tensor("second_layers", {networks, neurons, batch.data.targets.size(1)}, options);
  at::Tensor gates;
  if (batch.options.activation == Activation::kGated) gates = reader.Tensor("gates", first.sizes(), options);
  for (std::int64_t i = 0; i < networks; ++i) {
    Network& network = trials[static_cast<std::size_t>(with_network[static_cast<std::size_t>(i)])].network;
    network.activation = batch.options.activation;
    network.first_layer = first[i];
    network.second_layer = second[i];
    if (gates.defined()) network.gates = gates[i];
  }
  return trials;
}

}  // namespace cvxnn::descent
