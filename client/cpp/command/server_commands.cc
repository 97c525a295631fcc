// SPDX-License-Identifier: Apache-2.0
// cvxnn server info, health.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/table.h"

namespace cvxnn::command {
namespace {

template <typename Enum, typename Values>
std::string EnumList(const Values& values) {
  return absl::StrJoin(values, ", ",
                       [](std::string* out, int value) { absl::StrAppend(out, EnumText(static_cast<Enum>(value))); });
}

void AddTraining(FieldList& fields, const std::string& kind, const v1::TrainingCapabilities& training) {
  fields.Add(kind + " losses", EnumList<v1::Loss>(training.losses()));
  fields.Add(kind + " penalties", EnumList<v1::Penalty>(training.penalties()));
  fields.Add(kind + " activations", EnumList<v1::Activation>(training.activations()));
}

ExitStatus ReportInfo(const Context& context, const v1::ServerInfo& info) {
  if (context.json()) {
    PrintJson(info);
    return kSuccess;
  }
  FieldList fields;
  fields.Add("server", absl::StrCat("cvxnn ", info.version(), " at ", context.connection.server));
  fields.Add("LibTorch", info.libtorch_version());
  fields.Add("started",
             absl::StrCat(HumanTime(info.start_time()), " (", HumanAge(info.start_time(), absl::Now()), ")"));
  for (const v1::Device& device : info.devices()) {
    std::string text = device.description();
    if (device.total_bytes() > 0) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", HumanBytes(device.free_bytes()), " free of ",
                      HumanBytes(device.total_bytes()));
    }
    fields.Add(absl::StrCat("device ", device.name()), text);
  }
  fields.Add("threads", absl::StrCat(info.compute_threads()));
  AddTraining(fields, "convex", info.convex());
  fields.Add("convex solvers", EnumList<v1::ConvexSolver>(info.convex_solvers()));
  fields.Add("patterns", absl::StrJoin(info.patterns(), ", "));
  AddTraining(fields, "descent", info.descent());
  fields.Add("optimizers", absl::StrJoin(info.optimizers(), ", "));
  fields.Add("schedules", absl::StrJoin(info.schedules(), ", "));
  fields.Add("initializations", absl::StrJoin(info.initializations(), ", "));
  fields.Add("model formats", EnumList<v1::ModelFormat>(info.model_formats()));
  fields.Add("transforms", absl::StrJoin(info.transforms(), ", "));
  fields.Add("generators", absl::StrJoin(info.generators(), ", "));
  fields.Add("imports",
             info.import_formats().empty() ? "none (no --import-root)" : absl::StrJoin(info.import_formats(), ", "));
  const v1::ServerLimits& limits = info.limits();
  fields.Add("largest data set", HumanBytes(limits.max_dataset_bytes()));
  fields.Add("queue", absl::StrCat(HumanCount(limits.max_queued_jobs()), " jobs, ", limits.running_jobs_per_device(),
                                   " running per device"));
  fields.Add("jobs are kept", limits.has_job_retention()
                                  ? absl::StrCat(HumanDuration(static_cast<double>(limits.job_retention().seconds())),
                                                 " after their end")
                                  : "until they are deleted");
  fields.Print(std::cout);
  return kSuccess;
}

}  // namespace

void AddServerCommands(CLI::App& app, Context& context) {
  CLI::App* server = app.add_subcommand("server", "Ask the server about itself");
  server->require_subcommand(1);
  server->footer("");  // that of the whole command is not for here
  CLI::App* info = server->add_subcommand("info", "Version, devices, limits, and what is built");
  info->footer("Example:\n  cvxnn server info --output json | jq .devices");
  info->callback([&context] {
    context.action = [&context]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto answer = client->GetServerInfo();
      return answer.ok() ? ReportInfo(context, *answer) : Fail(context, answer.status());
    };
  });
  CLI::App* health = server->add_subcommand("health", "Exit status 0 while the server takes requests");
  auto service = std::make_shared<std::string>();
  health->add_option("SERVICE", *service, "e.g. cvxnn.v1.JobService; default: the server as a whole");
  health->footer("Example:\n  until cvxnn server health; do sleep 1; done");
  health->callback([&context, service] {
    context.action = [&context, service]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto serving = client->CheckHealth(*service);
      if (!serving.ok()) return Fail(context, serving.status());
      if (context.json()) {
        std::cout << "{\"status\": \"" << (*serving ? "SERVING" : "NOT_SERVING") << "\"}\n";
      } else {
        std::cout << (*serving ? "serving" : "not serving") << "\n";
      }
      return *serving ? kSuccess : kFailure;
    };
  });
}

}  // namespace cvxnn::command
