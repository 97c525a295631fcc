// SPDX-License-Identifier: Apache-2.0
// One list says how each metric is named, found and written; fields and columns come from it.
#include "client/cpp/command/metrics_table.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "client/cpp/command/humanize.h"

namespace cvxnn::command {
namespace {

struct Metric {
  const char* name;
  const char* column;
  /// Empty where the metric is absent.
  std::string (*text)(const v1::EpochMetrics& metrics);
};

const std::vector<Metric>& Metrics() {
  static const std::vector<Metric> metrics = {
      {"objective", "OBJECTIVE", [](const auto& m) { return m.has_objective() ? HumanNumber(m.objective()) : ""; }},
      {"loss", "LOSS", [](const auto& m) { return m.has_loss() ? HumanNumber(m.loss()) : ""; }},
      {"penalty", "", [](const auto& m) { return m.has_penalty() ? HumanNumber(m.penalty()) : ""; }},
      {"network objective", "",
       [](const auto& m) { return m.has_network_objective() ? HumanNumber(m.network_objective()) : ""; }},
      {"lower bound", "LOWER BOUND",
       [](const auto& m) { return m.has_lower_bound() ? HumanNumber(m.lower_bound()) : ""; }},
      {"gap", "GAP", [](const auto& m) { return m.has_gap() ? HumanSmall(m.gap()) : ""; }},
      {"violation", "VIOLATION",
       [](const auto& m) { return m.has_constraint_violation() ? HumanSmall(m.constraint_violation()) : ""; }},
      {"train accuracy", "TRAIN",
       [](const auto& m) { return m.has_train_accuracy() ? HumanShare(m.train_accuracy()) : ""; }},
      {"test accuracy", "TEST",
       [](const auto& m) { return m.has_test_accuracy() ? HumanShare(m.test_accuracy()) : ""; }},
      {"test loss", "TEST LOSS", [](const auto& m) { return m.has_test_loss() ? HumanNumber(m.test_loss()) : ""; }},
      {"active neurons", "NEURONS",
       [](const auto& m) { return m.has_active_neurons() ? HumanCount(m.active_neurons()) : ""; }},
      {"step size", "", [](const auto& m) { return m.has_step_size() ? HumanNumber(m.step_size()) : ""; }},
  };
  return metrics;
}

}  // namespace

void AddMetrics(FieldList& fields, const v1::EpochMetrics& metrics) {
  fields.Add("epoch", HumanCount(metrics.epoch()));
  for (const Metric& metric : Metrics()) fields.Add(metric.name, metric.text(metrics));
}

void PrintModelsTable(const v1::JobResult& result, std::ostream& out) {
  std::vector<Metric> shown;
  for (const Metric& metric : Metrics()) {
    const bool present =
        std::any_of(result.models().begin(), result.models().end(),
                    [&](const v1::TrainedModel& model) { return !metric.text(model.metrics()).empty(); });
    if (present && *metric.column != '\0') shown.push_back(metric);
  }
  std::vector<Table::Column> columns = {{"MODEL"}};
  const bool trials = result.models_size() > 1;
  if (trials) columns.push_back({"TRIAL", Align::kRight});
  columns.push_back({"EPOCH", Align::kRight});
  for (const Metric& metric : shown) columns.push_back({metric.column, Align::kRight});
  if (trials) columns.push_back({""});
  Table table(columns);
  for (const v1::TrainedModel& model : result.models()) {
    std::vector<std::string> cells = {model.model()};
    if (trials) cells.push_back(absl::StrCat(model.trial()));
    cells.push_back(HumanCount(model.metrics().epoch()));
    for (const Metric& metric : shown) cells.push_back(metric.text(model.metrics()));
    if (trials) cells.push_back(model.diverged() ? "diverged" : model.model() == result.best_model() ? "best" : " ");
    table.AddRow(std::move(cells));
  }
  table.Print(out);
}

}  // namespace cvxnn::command
