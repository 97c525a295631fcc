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
      {"beta", "BETA", [](const auto& m) { return m.has_beta() ? HumanNumber(m.beta()) : ""; }},
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
      {"round", "", [](const auto& m) { return m.has_round() ? HumanCount(m.round()) : ""; }},
      {"active neurons", "NEURONS",
       [](const auto& m) { return m.has_active_neurons() ? HumanCount(m.active_neurons()) : ""; }},
      {"gradient norm", "GRADIENT",
       [](const auto& m) { return m.has_gradient_norm() ? HumanSmall(m.gradient_norm()) : ""; }},
      {"changed patterns", "CHANGED",
       [](const auto& m) { return m.has_changed_patterns() ? HumanCount(m.changed_patterns()) : ""; }},
      {"distinct patterns", "DISTINCT",
       [](const auto& m) { return m.has_distinct_patterns() ? HumanCount(m.distinct_patterns()) : ""; }},
      {"dead neurons", "DEAD", [](const auto& m) { return m.has_dead_neurons() ? HumanCount(m.dead_neurons()) : ""; }},
      {"step size", "", [](const auto& m) { return m.has_step_size() ? HumanNumber(m.step_size()) : ""; }},
  };
  return metrics;
}

}  // namespace

void AddMetrics(FieldList& fields, const v1::EpochMetrics& metrics) {
  fields.Add("epoch", HumanCount(metrics.epoch()));
  for (const Metric& metric : Metrics()) fields.Add(metric.name, metric.text(metrics));
}

namespace {

/// More trials than these are shown by the best of them and a line about all.
constexpr std::size_t kMostRows = 20;
constexpr std::size_t kShownRows = 10;

/// What of a trial's setting the job varied, as columns.
struct Setting {
  const char* column;
  std::string (*text)(const v1::TrialSetting& setting);
};

std::vector<Setting> VariedSettings(const v1::JobResult& result) {
  static const std::vector<Setting> settings = {
      {"ROWS", [](const auto& s) { return HumanCount(s.training_rows()); }},
      {"WIDTH", [](const auto& s) { return HumanCount(s.neurons()); }},
      {"RATE", [](const auto& s) { return HumanNumber(s.learning_rate()); }},
      {"BETA", [](const auto& s) { return HumanNumber(s.beta()); }},
  };
  std::vector<Setting> varied;
  for (const Setting& setting : settings) {
    const auto differs = [&](const v1::TrainedModel& model) {
      return model.has_setting() && setting.text(model.setting()) != setting.text(result.models(0).setting());
    };
    if (std::any_of(result.models().begin(), result.models().end(), differs)) varied.push_back(setting);
  }
  return varied;
}

/// Models in the order of their trials; of many only the best, the least objective first.
std::vector<const v1::TrainedModel*> ShownModels(const v1::JobResult& result) {
  std::vector<const v1::TrainedModel*> models;
  for (const v1::TrainedModel& model : result.models()) models.push_back(&model);
  if (models.size() <= kMostRows) return models;
  std::stable_sort(models.begin(), models.end(), [](const auto* a, const auto* b) {
    if (a->diverged() != b->diverged()) return b->diverged();
    return a->metrics().objective() < b->metrics().objective();
  });
  models.resize(kShownRows);
  return models;
}

}  // namespace

std::string TrialsSummary(const v1::JobResult& result) {
  std::vector<double> objectives;
  for (const v1::TrainedModel& model : result.models()) {
    if (!model.diverged()) objectives.push_back(model.metrics().objective());
  }
  std::sort(objectives.begin(), objectives.end());
  std::string text = absl::StrCat(HumanCount(result.models_size()), " trials");
  if (!objectives.empty()) {
    absl::StrAppend(&text, ": objective best ", HumanNumber(objectives.front()), ", median ",
                    HumanNumber(objectives[objectives.size() / 2]), ", worst ", HumanNumber(objectives.back()));
  }
  const auto diverged = result.models_size() - static_cast<std::int64_t>(objectives.size());
  if (diverged > 0) absl::StrAppend(&text, "; ", HumanCount(diverged), " diverged");
  return text;
}

void PrintModelsTable(const v1::JobResult& result, std::ostream& out) {
  const std::vector<const v1::TrainedModel*> models = ShownModels(result);
  std::vector<Metric> shown;
  for (const Metric& metric : Metrics()) {
    const bool present = std::any_of(models.begin(), models.end(),
                                     [&](const auto* model) { return !metric.text(model->metrics()).empty(); });
    if (present && *metric.column != '\0') shown.push_back(metric);
  }
  const std::vector<Setting> settings = VariedSettings(result);
  std::vector<Table::Column> columns = {{"MODEL"}};
  const bool trials = result.models_size() > 1;
  if (trials) columns.push_back({"TRIAL", Align::kRight});
  for (const Setting& setting : settings) columns.push_back({setting.column, Align::kRight});
  columns.push_back({"EPOCH", Align::kRight});
  for (const Metric& metric : shown) columns.push_back({metric.column, Align::kRight});
  if (trials) columns.push_back({""});
  Table table(columns);
  for (const v1::TrainedModel* model : models) {
    std::vector<std::string> cells = {model->model()};
    if (trials) cells.push_back(absl::StrCat(model->trial()));
    for (const Setting& setting : settings) cells.push_back(setting.text(model->setting()));
    cells.push_back(HumanCount(model->metrics().epoch()));
    for (const Metric& metric : shown) cells.push_back(metric.text(model->metrics()));
    const bool best = !result.best_model().empty() && model->model() == result.best_model();
    if (trials) cells.emplace_back(model->diverged() ? "diverged" : best ? "best" : " ");
    table.AddRow(std::move(cells));
  }
  table.Print(out);
  if (models.size() < static_cast<std::size_t>(result.models_size())) {
    out << "the best " << models.size() << " of " << TrialsSummary(result) << "; --output json tells all\n";
  }
}

}  // namespace cvxnn::command
