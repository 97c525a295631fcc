// SPDX-License-Identifier: Apache-2.0
// cvxnn experiment compare: the jobs of an experiment side by side, convex optimum and bound beside descent.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/experiment_report.h"
#include "client/cpp/command/message_json.h"

namespace cvxnn::command {
namespace {

struct CompareFlags {
  std::string experiment;
  bool history = false;
};

/// Every epoch in the log of a job as it is now.
absl::StatusOr<nlohmann::ordered_json> History(const client::Client& client, const v1::Job& job) {
  nlohmann::ordered_json epochs = nlohmann::ordered_json::array();
  client::WatchJobOptions options;
  bool all = false;
  const auto ended = client.WatchJob(job.name(), options, [&](const v1::WatchJobResponse& response) {
    for (const v1::EpochMetrics& epoch : response.metrics().epochs()) epochs.push_back(MessageToJson(epoch));
    all = response.sequence() >= job.last_sequence();
    return !all;
  });
  if (!ended.ok() && !all) return ended.status();
  return epochs;
}

ExitStatus Compare(const Context& context, const CompareFlags& flags) {
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  v1::JobFilter filter;
  filter.set_experiment(flags.experiment);
  auto jobs = client->ListJobs(filter);
  if (!jobs.ok()) return Fail(context, jobs.status());
  if (jobs->empty()) {
    return Fail(context, absl::NotFoundError(absl::StrCat("no job is of the experiment ", flags.experiment)));
  }
  std::reverse(jobs->begin(), jobs->end());  // as they were submitted
  if (!context.json()) {
    ComparisonTable(*jobs).Print(std::cout);
    return kSuccess;
  }
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const v1::Job& job : *jobs) {
    nlohmann::ordered_json entry = MessageToJson(job);
    if (flags.history) {
      auto history = History(*client, job);
      if (!history.ok()) return Fail(context, history.status());
      entry["history"] = *std::move(history);
    }
    array.push_back(std::move(entry));
  }
  std::cout << JsonLine(array);
  return kSuccess;
}

}  // namespace

void AddExperimentCommands(CLI::App& app, Context& context) {
  CLI::App* experiment = app.add_subcommand("experiment", "Look at the jobs of an experiment together");
  experiment->alias("experiments");
  experiment->require_subcommand(1);
  experiment->footer("");  // that of the whole command is not for here
  CLI::App* command =
      experiment->add_subcommand("compare", "Its jobs side by side: objectives, bounds, accuracies, times");
  auto flags = std::make_shared<CompareFlags>();
  command->add_option("NAME", flags->experiment, "The experiment, as jobs were submitted with --experiment")
      ->required();
  command->add_flag("--history", flags->history, "With --output json: every epoch of every job, as \"history\"");
  command->footer(
      "Examples:\n"
      "  cvxnn experiment compare first\n"
      "  scripts/compare first first.svg      draws it (needs Python's matplotlib)");
  command->callback([&context, flags] { context.action = [&context, flags] { return Compare(context, *flags); }; });
}

}  // namespace cvxnn::command
