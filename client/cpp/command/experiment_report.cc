// SPDX-License-Identifier: Apache-2.0
// See experiment_report.h.
#include "client/cpp/command/experiment_report.h"

#include <absl/strings/str_cat.h>

#include <string>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/job_report.h"

namespace cvxnn::command {
namespace {

/// The setting of the best model where there is one: width and learning rate, or the patterns of a convex program.
std::string SettingText(const v1::Job& job, const v1::TrainedModel* best) {
  if (!job.spec().has_descent()) {
    return job.result().patterns() > 0 ? absl::StrCat(HumanCount(job.result().patterns()), " patterns") : "";
  }
  if (best != nullptr && best->has_setting()) {
    return absl::StrCat("m ", HumanCount(best->setting().neurons()), ", rate ",
                        HumanNumber(best->setting().learning_rate()));
  }
  const v1::GradientDescent& descent = job.spec().descent();
  return descent.has_neurons() ? absl::StrCat("m ", HumanCount(descent.neurons())) : "";
}

/// "17 of 300, 12 diverged": the best trial, of how many.
std::string TrialsText(const v1::JobResult& result, const v1::TrainedModel* best) {
  if (result.models_size() <= 1) return "";
  std::int64_t diverged = 0;
  for (const v1::TrainedModel& model : result.models()) diverged += model.diverged() ? 1 : 0;
  return absl::StrCat(best == nullptr ? "none" : absl::StrCat(best->trial()), " of ", HumanCount(result.models_size()),
                      diverged > 0 ? absl::StrCat(", ", HumanCount(diverged), " diverged") : "");
}

}  // namespace

Table ComparisonTable(const std::vector<v1::Job>& jobs) {
  Table table({{"NAME"},
               {"METHOD"},
               {"SETTING"},
               {"STATE"},
               {"OBJECTIVE", Align::kRight},
               {"LOWER BOUND", Align::kRight},
               {"GAP", Align::kRight},
               {"TRAIN", Align::kRight},
               {"TEST", Align::kRight},
               {"SECONDS", Align::kRight},
               {"BEST TRIAL", Align::kRight}});
  for (const v1::Job& job : jobs) {
    const v1::TrainedModel* best = BestModel(job.result());
    const v1::EpochMetrics& metrics = best != nullptr ? best->metrics() : job.latest();
    const double seconds = job.has_result() ? job.result().seconds() : metrics.seconds();
    table.AddRow({job.display_name().empty() ? job.name() : job.display_name(), MethodText(job.spec()),
                  SettingText(job, best), EnumText(job.state()),
                  metrics.has_objective() ? HumanNumber(metrics.objective()) : "",
                  metrics.has_lower_bound() ? HumanNumber(metrics.lower_bound()) : "",
                  metrics.has_gap() ? HumanSmall(metrics.gap()) : "",
                  metrics.has_train_accuracy() ? HumanShare(metrics.train_accuracy()) : "",
                  metrics.has_test_accuracy() ? HumanShare(metrics.test_accuracy()) : "", HumanNumber(seconds),
                  TrialsText(job.result(), best)});
  }
  return table;
}

}  // namespace cvxnn::command
