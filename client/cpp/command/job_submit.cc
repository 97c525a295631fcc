// SPDX-License-Identifier: Apache-2.0
// cvxnn job submit.
#include <absl/strings/strip.h>

#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/job_flags.h"
#include "client/cpp/command/job_report.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/command/watch_run.h"

namespace cvxnn::command {
namespace {

struct SubmitFlags {
  JobFlags job;
  std::string request_id;
  bool watch = false;
  bool validate_only = false;
  WatchFlags watching;
};

ExitStatus ReportSubmitted(const Context& context, const v1::Job& job) {
  if (context.json() || context.quiet) return ReportJob(context, job);
  const std::string id(absl::StripPrefix(job.name(), "jobs/"));
  std::cout << job.name() << " " << EnumText(job.state()) << "\n"
            << "  follow it with  cvxnn job watch " << id << "\n";
  return kSuccess;
}

ExitStatus Run(const Context& context, const SubmitFlags& flags) {
  const absl::StatusOr<v1::Job> job = flags.job.Build();
  if (!job.ok()) return FailUsage(context, job.status());
  v1::CreateJobRequest request;
  *request.mutable_job() = *job;
  request.set_request_id(flags.request_id);
  request.set_validate_only(flags.validate_only);

  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const absl::StatusOr<v1::Job> created = client->CreateJob(request);
  if (!created.ok()) return Fail(context, created.status());
  if (flags.validate_only) return ReportJob(context, *created);
  if (!flags.watch) return ReportSubmitted(context, *created);
  if (context.json()) {  // the name first: whoever is cut off knows which job to come back to
    nlohmann::ordered_json line = {{"event", "submitted"}};
    line.update(MessageToJson(*created));
    PrintJsonLine(line);
  } else {
    std::cout << created->name() << "\n" << std::flush;
  }
  return WatchToEnd(context, *client, *created, flags.watching);
}

}  // namespace

void AddJobSubmit(CLI::App& job, Context& context) {
  CLI::App* command = job.add_subcommand("submit", "Submit a job: flags, a job file, or both")->alias("create");
  auto flags = std::make_shared<SubmitFlags>();
  flags->job.AddTo(*command);
  command->add_option("--request-id", flags->request_id, "Sending the same again gives the same job; default random");
  command->add_flag("-w,--watch", flags->watch, "Follow the job to its end");
  command->add_flag("--every-epoch", flags->watching.every_epoch, "With --watch: one line for every epoch");
  command->add_flag("--validate-only", flags->validate_only,
                    "Check the job and show it with its defaults; run nothing");
  command->footer(
      "Examples:\n"
      "  cvxnn job submit convex --dataset iris --beta 0.1 --watch\n"
      "  cvxnn job submit convex --dataset planes --beta-max-fraction 0.01 --patterns 100 --activation relu\n"
      "  cvxnn job submit descent --dataset iris --beta 0.1 --neurons 50 --trials 5 --learning-rate 1e-3 -w\n"
      "  cvxnn job submit path --dataset iris --patterns 100 --points 20 --min-fraction 1e-3 -w\n"
      "  cvxnn job submit --file job.yaml --seed 2\n"
      "A job file is the Job message:\n"
      "  experiment: first\n"
      "  spec:\n"
      "    dataset: datasets/iris\n"
      "    beta: 0.1\n"
      "    stopping: {max_epochs: 500}\n"
      "    convex:\n"
      "      activation: gated\n"
      "      patterns: {sampled: {count: 100}}");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
