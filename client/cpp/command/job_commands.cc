// SPDX-License-Identifier: Apache-2.0
// cvxnn job list, describe, cancel, pause, resume, delete.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/job_report.h"
#include "client/cpp/command/job_state.h"
#include "client/cpp/command/message_json.h"

namespace cvxnn::command {
namespace {

struct ListFlags {
  std::vector<std::string> states;
  std::string experiment;
  std::string dataset;
  std::vector<std::string> labels;
  std::int64_t limit = 50;
};

absl::StatusOr<v1::JobFilter> ToFilter(const ListFlags& flags) {
  v1::JobFilter filter;
  for (const std::string& state : flags.states) filter.add_states(EnumValue<v1::JobState>(state));
  filter.set_experiment(flags.experiment);
  filter.set_dataset(ResourceName("datasets", flags.dataset));
  for (const std::string& label : flags.labels) {
    const std::vector<std::string> halves = absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (halves.size() != 2) return absl::InvalidArgumentError(absl::StrCat("--label ", label, ": must be KEY=VALUE"));
    (*filter.mutable_labels())[halves[0]] = halves[1];
  }
  return filter;
}

void AddList(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("list", "List jobs, newest first")->alias("ls");
  auto flags = std::make_shared<ListFlags>();
  OneOf<v1::JobState>(AddRepeated(*command, "--state", flags->states, "Only jobs in this state (repeat for several)"));
  command->add_option("--experiment", flags->experiment, "Only jobs of this experiment");
  command->add_option("--dataset", flags->dataset, "Only jobs on this data set");
  AddRepeated(*command, "--label,--label-kv", flags->labels,
              "Only jobs with this label, KEY=VALUE (repeat for several)");
  OnlyNumbers<std::int64_t>(command->add_option("-n,--limit", flags->limit, "Most to show; 0 shows all"), 0)
      ->capture_default_str();
  command->footer("Example:\n  cvxnn job list --state running --state queued --experiment cifar");
  command->callback([&context, flags] {
    context.action = [&context, flags]() -> ExitStatus {
      const auto filter = ToFilter(*flags);
      if (!filter.ok()) return FailUsage(context, filter.status());
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto jobs = client->ListJobs(*filter, flags->limit);
      return jobs.ok() ? ReportJobs(context, *jobs) : Fail(context, jobs.status());
    };
  });
}

void AddDescribe(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("describe", "Show one job: what it was asked, and what came of it");
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "jobs/…, or its last part")->required();
  command->footer(
      "The JSON of a job is also a job file:\n"
      "  cvxnn job describe 3f2a --output json > again.json && cvxnn job submit --file again.json --seed 2");
  command->callback([&context, name] {
    context.action = [&context, name]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto found = client->GetJob(ResourceName("jobs", *name));
      return found.ok() ? ReportJob(context, *found) : Fail(context, found.status());
    };
  });
}

/// A command that changes the state of jobs, one after the other. `doing`: what is said of one that has not got there.
struct Change {
  const char* name;
  const char* help;
  const char* example;
  const char* doing;
  v1::JobState goal;
  absl::StatusOr<v1::Job> (client::Client::*call)(const std::string&) const;
};

void AddChange(CLI::App& job, Context& context, const Change& change) {
  CLI::App* command = job.add_subcommand(change.name, change.help);
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("NAME", *names, absl::StrCat("Jobs to ", change.name))->required();
  command->footer(absl::StrCat("Example:\n  ", change.example));
  command->callback([&context, names, change] {
    context.action = [&context, names, change]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      for (const std::string& name : *names) {
        const auto changed = ((*client).*change.call)(ResourceName("jobs", name));
        if (!changed.ok()) return Fail(context, changed.status());
        if (context.json()) {
          PrintJsonLine(MessageToJson(*changed));
        } else if (!context.quiet) {
          const bool there = HasEnded(changed->state()) || changed->state() == change.goal;
          std::cout << changed->name() << ": " << (there ? EnumText(changed->state()) : change.doing) << "\n";
        }
      }
      return kSuccess;
    };
  });
}

void AddDelete(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("delete", "Delete ended jobs with their metrics and models")->alias("rm");
  auto names = std::make_shared<std::vector<std::string>>();
  auto allow_missing = std::make_shared<bool>(false);
  command->add_option("NAME", *names, "Jobs to delete")->required();
  command->add_flag("--allow-missing", *allow_missing, "Succeed also where there is no such job");
  command->footer("Example:\n  cvxnn job delete $(cvxnn job list --state failed --quiet)");
  command->callback([&context, names, allow_missing] {
    context.action = [&context, names, allow_missing]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      for (const std::string& name : *names) {
        const absl::Status status = client->DeleteJob(ResourceName("jobs", name), *allow_missing);
        if (!status.ok()) return Fail(context, status);
        if (context.json()) PrintJsonLine({{"deleted", ResourceName("jobs", name)}});
      }
      return kSuccess;
    };
  });
}

}  // namespace

void AddJobCommands(CLI::App& app, Context& context) {
  CLI::App* job = app.add_subcommand("job", "Train: submit, follow and end jobs")->alias("jobs");
  job->require_subcommand(1);
  job->footer("");  // that of the whole command is not for here
  AddJobSubmit(*job, context);
  AddList(*job, context);
  AddDescribe(*job, context);
  AddJobWatch(*job, context);
  AddChange(*job, context,
            {"cancel", "Ask jobs to end; a running one keeps its best model so far",
             "cvxnn job cancel $(cvxnn job list --state queued --quiet)", "ending", v1::JOB_STATE_CANCELLED,
             &client::Client::CancelJob});
  AddChange(*job, context,
            {"pause", "Let jobs wait; they go on where they were, paths at the β that was not done",
             "cvxnn job pause $(cvxnn job list --state running --quiet)", "pausing", v1::JOB_STATE_PAUSED,
             &client::Client::PauseJob});
  AddChange(
      *job, context,
      {"resume", "Put paused jobs back into the queue", "cvxnn job resume $(cvxnn job list --state paused --quiet)",
       "going on", v1::JOB_STATE_QUEUED, &client::Client::ResumeJob});
  AddDelete(*job, context);
}

}  // namespace cvxnn::command
