// SPDX-License-Identifier: Apache-2.0
// cvxnn job watch.
#include "client/cpp/command/commands.h"
#include "client/cpp/command/watch_run.h"

namespace cvxnn::command {

void AddJobWatch(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("watch", "Follow a job to its end; Ctrl-C detaches and leaves it running");
  auto name = std::make_shared<std::string>();
  auto flags = std::make_shared<WatchFlags>();
  command->add_option("NAME", *name, "jobs/…, or its last part")->required();
  command->add_option("--from", flags->from, "Last record already seen; default 0: from the beginning")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--every-epoch", flags->every_epoch, "One line for every epoch instead of about one a second");
  command->footer(
      "Survives broken connections and restarts of the server without losing or repeating an epoch.\n"
      "Exit status: 0 the job succeeded, 1 it failed, 3 it was cancelled, 130 detached with Ctrl-C.\n"
      "Examples:\n"
      "  cvxnn job watch 3f2a\n"
      "  cvxnn job watch 3f2a --output json | jq 'select(.epoch) | [.epoch, .objective]'");
  command->callback([&context, name, flags] {
    context.action = [&context, name, flags]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto found = client->GetJob(ResourceName("jobs", *name));
      return found.ok() ? WatchToEnd(context, *client, *found, *flags) : Fail(context, found.status());
    };
  });
}

}  // namespace cvxnn::command
