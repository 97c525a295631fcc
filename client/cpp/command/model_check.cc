// SPDX-License-Identifier: Apache-2.0
// cvxnn model check-optimality: how far a network is from the optimum, certified.
#include <absl/strings/str_cat.h>

#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/read_rows.h"
#include "client/cpp/command/table.h"
#include "client/cpp/convert.h"

namespace cvxnn::command {
namespace {

struct CheckFlags {
  std::string name;
  std::string first_layer;
  std::string second_layer;
  std::string gates;
  MessageFlags<v1::CheckOptimalityRequest> message;
};

absl::Status ReadWeights(const std::string& path, v1::Tensor* to) {
  const absl::StatusOr<data::Matrix> matrix = ReadRows(path, /*has_header=*/false);
  if (!matrix.ok()) return matrix.status();
  *to = client::ToTensor(*matrix, 0, matrix->rows());
  return absl::OkStatus();
}

absl::StatusOr<v1::CheckOptimalityRequest> RequestOf(const CheckFlags& flags) {
  v1::CheckOptimalityRequest request;
  if (!flags.name.empty()) {
    request.set_model(ResourceName("models", flags.name));
  } else if (flags.first_layer.empty()) {
    return absl::InvalidArgumentError("no network: name a model, or give --first-layer and --second-layer");
  } else {
    v1::NetworkWeights& weights = *request.mutable_weights();
    absl::Status status = ReadWeights(flags.first_layer, weights.mutable_first_layer());
    status.Update(ReadWeights(flags.second_layer, weights.mutable_second_layer()));
    if (!flags.gates.empty()) {
      weights.set_activation(v1::ACTIVATION_GATED);
      status.Update(ReadWeights(flags.gates, weights.mutable_gates()));
    }
    if (!status.ok()) return status;
  }
  flags.message.Apply(request);
  return request;
}

std::string ReachText(const v1::CheckOptimalityResponse& answer) {
  const std::string patterns = absl::StrCat(HumanCount(answer.patterns()), " patterns");
  if (answer.reach() == v1::REACH_GLOBAL) return absl::StrCat("global: all ", patterns, " of the data");
  if (answer.reach() == v1::REACH_SEARCHED) return absl::StrCat("searched: ", patterns, ", those found included");
  return absl::StrCat("restricted to these ", patterns);
}

ExitStatus Run(const Context& context, const CheckFlags& flags) {
  const auto request = RequestOf(flags);
  if (!request.ok()) return FailUsage(context, request.status());
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const auto answer = client->CheckOptimality(*request);
  if (!answer.ok()) return Fail(context, answer.status());
  if (context.json()) {
    PrintJson(*answer);
    return kSuccess;
  }
  FieldList fields;
  fields.Add("objective", HumanNumber(answer->objective()));
  fields.Add("loss", HumanNumber(answer->loss()));
  fields.Add("penalty", HumanNumber(answer->penalty()));
  fields.Add("beta", HumanNumber(answer->beta()));
  fields.Add("lower bound", HumanNumber(answer->lower_bound()));
  fields.Add("gap", HumanSmall(answer->gap()));
  fields.Add("bound", ReachText(*answer));
  fields.Add("dual ratio",
             absl::StrCat(HumanNumber(answer->dual_ratio()),
                          answer->dual_ratio() > 1 ? " (above 1: a neuron there lowers the objective)" : "",
                          answer->dual_gate_is_own() ? "" : ", at a pattern that was found or enumerated"));
  fields.Add("stationarity", HumanSmall(answer->stationarity()));
  fields.Print(std::cout);
  return kSuccess;
}

}  // namespace

void AddModelCheck(CLI::App& model, Context& context) {
  using Request = v1::CheckOptimalityRequest;
  CLI::App* command = model.add_subcommand("check-optimality", "How far a network is from the optimum, certified");
  auto flags = std::make_shared<CheckFlags>();
  CLI::Option* name = command->add_option("NAME", flags->name, "models/…, or its last part");
  CLI::Option* first =
      command
          ->add_option("--first-layer", flags->first_layer, "In place of a model: file of m x d weights, .npy or .csv")
          ->excludes(name);
  CLI::Option* second =
      command->add_option("--second-layer", flags->second_layer, "File of c x m weights")->needs(first);
  first->needs(second);
  command->add_option("--gates", flags->gates, "File of m x d gates: the network is gated")->needs(first);
  auto& message = flags->message;
  message.Add<std::string>(
      *command, "--dataset", "Default: the data set the model was trained on",
      [](Request& request, const auto& value) { request.set_dataset(ResourceName("datasets", value)); });
  message.AddEnum<v1::Loss>(*command, "--loss", "Default: the job's; of files squared",
                            [](Request& request, v1::Loss value) { request.set_loss(value); });
  message.AddEnum<v1::LossScale>(*command, "--loss-scale", "Default: the job's; of files half-sum",
                                 [](Request& request, v1::LossScale value) { request.set_loss_scale(value); });
  message.AddEnum<v1::Penalty>(*command, "--penalty", "Default: the job's; of files group-l2",
                               [](Request& request, v1::Penalty value) { request.set_penalty(value); });
  message.Add<double>(*command, "--beta", "Default: the model's",
                      [](Request& request, const auto& value) { request.set_beta(value); });
  message.Add<std::int64_t>(*command, "--search", "Directions to search violated patterns from; default none",
                            [](Request& request, const auto& value) { request.set_search_starts(value); });
  message.Add<std::uint64_t>(*command, "--seed", "Of the search; default 0",
                             [](Request& request, const auto& value) { request.set_seed(value); });
  message.Add<std::int64_t>(*command, "--enumerate", "Enumerate all patterns of the data, if at most so many",
                            [](Request& request, const auto& value) { request.set_max_enumerated(value); });
  command->footer(
      "Examples:\n"
      "  cvxnn model check-optimality m-3f2a --search 200\n"
      "  cvxnn model check-optimality --first-layer u.npy --second-layer a.npy --dataset iris --beta 0.1");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
