// SPDX-License-Identifier: Apache-2.0
// cvxnn model prune, decompose: networks made of stored ones.
#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/model_report.h"

namespace cvxnn::command {
namespace {

// The subcommand `name` with its model and `flags`; `call` makes the new model.
template <typename Request>
void AddMaking(CLI::App* command, Context& context, std::shared_ptr<MessageFlags<Request>> flags,
               absl::StatusOr<v1::Model> (client::Client::*call)(const Request&) const) {
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "models/…, or its last part")->required();
  command->callback([&context, name, flags, call] {
    context.action = [&context, name, flags, call]() -> ExitStatus {
      Request request;
      request.set_model(ResourceName("models", *name));
      flags->Apply(request);
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const absl::StatusOr<v1::Model> made = ((*client).*call)(request);
      return made.ok() ? ReportModel(context, *made) : Fail(context, made.status());
    };
  });
}

void AddPrune(CLI::App& model, Context& context) {
  CLI::App* command =
      model.add_subcommand("prune", "Make a smaller network with the same outputs on the training rows");
  auto flags = std::make_shared<MessageFlags<v1::PruneModelRequest>>();
  flags->Add<std::int64_t>(*command, "--max-neurons",
                           "Keep no more, those of the largest norms; default: as few as leave the outputs unchanged",
                           [](v1::PruneModelRequest& request, const auto& value) { request.set_max_neurons(value); });
  flags->AddEnum<v1::PruneCorrection>(
      *command, "--correction", "With --max-neurons; default least-squares",
      [](v1::PruneModelRequest& request, v1::PruneCorrection value) { request.set_correction(value); });
  AddMaking(command, context, flags, &client::Client::PruneModel);
  command->footer("Examples:\n  cvxnn model prune m-3f2a\n  cvxnn model prune m-3f2a --max-neurons 10");
}

void AddDecompose(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("decompose", "Make a ReLU network of a gated one");
  auto flags = std::make_shared<MessageFlags<v1::DecomposeModelRequest>>();
  flags->AddEnum<v1::Decomposition>(
      *command, "--method", "Default least-norm for up to 100 inputs, else along-gate",
      [](v1::DecomposeModelRequest& request, v1::Decomposition value) { request.set_decomposition(value); });
  flags->Add<double>(
      *command, "--violation-weight", "approximate: weight of leaving the cone; default 1000",
      [](v1::DecomposeModelRequest& request, const auto& value) { request.set_violation_weight(value); });
  AddMaking(command, context, flags, &client::Client::DecomposeModel);
  command->footer("Example:\n  cvxnn model decompose m-3f2a --method least-norm");
}

}  // namespace

void AddModelReduce(CLI::App& model, Context& context) {
  AddPrune(model, context);
  AddDecompose(model, context);
}

}  // namespace cvxnn::command
