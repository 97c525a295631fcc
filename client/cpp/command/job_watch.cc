// SPDX-License-Identifier: Apache-2.0
// cvxnn job watch.
#include "client/cpp/command/commands.h"
#include "client/cpp/command/number_flag.h"
#include "client/cpp/command/watch_many.h"
#include "client/cpp/command/watch_run.h"

namespace cvxnn::command {
namespace {

struct JobWatchFlags {
  std::string name;
  bool all = false;
  std::string experiment;
  bool until_ended = false;
  WatchFlags watching;
};

ExitStatus Run(const Context& context, const JobWatchFlags& flags) {
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  if (flags.name.empty()) {
    v1::JobFilter filter;
    filter.set_experiment(flags.experiment);
    return WatchMany(context, *client, filter, flags.until_ended);
  }
  const auto found = client->GetJob(ResourceName("jobs", flags.name));
  return found.ok() ? WatchToEnd(context, *client, *found, flags.watching) : Fail(context, found.status());
}

}  // namespace

void AddJobWatch(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("watch", "Follow jobs; Ctrl-C detaches and leaves them running");
  auto flags = std::make_shared<JobWatchFlags>();
  CLI::Option_group* which = command->add_option_group("Which jobs");
  CLI::Option* name = which->add_option("NAME", flags->name, "Follow this one to its end: jobs/…, or its last part");
  which->add_flag("--all", flags->all, "Every job: a table that changes as they do");
  which->add_option("--experiment", flags->experiment, "The same for the jobs of one experiment")
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  which->require_option(1);
  OnlyNumbers<std::int64_t>(
      command->add_option("--from", flags->watching.from, "Last record already seen; default 0: from the beginning"), 0)
      ->needs(name);
  command
      ->add_flag("--every-epoch", flags->watching.every_epoch, "One line for every epoch instead of about one a second")
      ->needs(name);
  command->add_flag("--until-ended", flags->until_ended, "With --all, --experiment: end when all these jobs have ended")
      ->excludes(name);
  command->footer(
      "Survives broken connections and restarts of the server without losing or repeating an epoch.\n"
      "Exit status: 0 the job succeeded, 1 it failed, 3 it was cancelled, 130 detached with Ctrl-C.\n"
      "With --output json one object per line, which \"event\" tells apart: state, epoch and end of one job; job,\n"
      "deleted and synchronized (all are told) of many.\n"
      "Examples:\n"
      "  cvxnn job watch 3f2a\n"
      "  cvxnn job watch 3f2a --output json | jq 'select(.event == \"epoch\") | [.epoch, .objective]'\n"
      "  cvxnn job watch --experiment cifar --until-ended");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
