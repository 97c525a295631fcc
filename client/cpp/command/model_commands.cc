// SPDX-License-Identifier: Apache-2.0
// cvxnn model list, describe, evaluate.
#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/model_report.h"
#include "client/cpp/command/table.h"

namespace cvxnn::command {
namespace {

void AddList(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("list", "List models, newest first")->alias("ls");
  auto job = std::make_shared<std::string>();
  auto limit = std::make_shared<std::int64_t>(50);
  auto snapshots = std::make_shared<bool>(false);
  command->add_flag("--snapshots", *snapshots, "Weights that jobs kept on the way too");
  command->add_option("--job", *job, "Only models of this job");
  OnlyNumbers<std::int64_t>(command->add_option("-n,--limit", *limit, "Most to show; 0 shows all"), 0)
      ->capture_default_str();
  command->footer("Example:\n  cvxnn model list --job 3f2a");
  command->callback([&context, job, limit, snapshots] {
    context.action = [&context, job, limit, snapshots]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto models = client->ListModels(ResourceName("jobs", *job), *limit, *snapshots);
      return models.ok() ? ReportModels(context, *models) : Fail(context, models.status());
    };
  });
}

void AddDescribe(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("describe", "Show one model");
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "models/…, or its last part")->required();
  command->footer("Example:\n  cvxnn model describe m-3f2a");
  command->callback([&context, name] {
    context.action = [&context, name]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto found = client->GetModel(ResourceName("models", *name));
      return found.ok() ? ReportModel(context, *found) : Fail(context, found.status());
    };
  });
}

}  // namespace

void AddModelEvaluate(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("evaluate", "Loss and accuracy on a part of a data set");
  auto name = std::make_shared<std::string>();
  auto flags = std::make_shared<MessageFlags<v1::EvaluateRequest>>();
  command->add_option("NAME", *name, "models/…, or its last part")->required();
  flags->Add<std::string>(*command, "--dataset", "Default: the data set it was trained on",
                          [](v1::EvaluateRequest& request, const auto& value) {
                            request.mutable_dataset_rows()->set_dataset(ResourceName("datasets", value));
                          });
  flags->AddEnum<v1::Part>(*command, "--part", "Default test", [](v1::EvaluateRequest& request, v1::Part value) {
    request.mutable_dataset_rows()->set_part(value);
  });
  flags->AddEnum<v1::Loss>(*command, "--loss", "Default squared",
                           [](v1::EvaluateRequest& request, v1::Loss value) { request.set_loss(value); });
  flags->AddEnum<v1::LossScale>(
      *command, "--loss-scale", "Default half-sum",
      [](v1::EvaluateRequest& request, v1::LossScale value) { request.set_loss_scale(value); });
  command->footer("Example:\n  cvxnn model evaluate m-3f2a --part train");
  command->callback([&context, name, flags] {
    context.action = [&context, name, flags]() -> ExitStatus {
      v1::EvaluateRequest request;
      request.set_model(ResourceName("models", *name));
      flags->Apply(request);
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto answer = client->Evaluate(request);
      if (!answer.ok()) return Fail(context, answer.status());
      if (context.json()) {
        PrintJson(*answer);
        return kSuccess;
      }
      FieldList fields;
      fields.Add("rows", HumanCount(answer->rows()));
      fields.Add("loss", HumanNumber(answer->loss()));
      fields.Add("accuracy", answer->has_accuracy() ? HumanShare(answer->accuracy()) : "");
      fields.Print(std::cout);
      return kSuccess;
    };
  });
}

void AddModelCommands(CLI::App& app, Context& context) {
  CLI::App* model = app.add_subcommand("model", "Fetch and use trained networks")->alias("models");
  model->require_subcommand(1);
  model->footer("");  // that of the whole command is not for here
  AddList(*model, context);
  AddDescribe(*model, context);
  AddModelDownload(*model, context);
  AddModelPredict(*model, context);
  AddModelEvaluate(*model, context);
  AddModelReduce(*model, context);
  AddModelCheck(*model, context);
}

}  // namespace cvxnn::command
