// SPDX-License-Identifier: Apache-2.0
// cvxnn dataset generate KIND: synthetic data, made on the server.
#include "client/cpp/command/commands.h"
#include "client/cpp/command/dataset_report.h"
#include "client/cpp/command/file_flags.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/transform_flag.h"

namespace cvxnn::command {
namespace {

using Request = v1::GenerateDatasetRequest;
using Flags = MessageFlags<Request>;

ExitStatus Run(const Context& context, const Flags& flags, const NewDatasetFlags& dataset_flags) {
  Request request;
  flags.Apply(request);
  request.set_dataset_id(dataset_flags.id);
  request.set_display_name(dataset_flags.title);
  const absl::Status parsed = ParseTransforms(dataset_flags.transforms, request.mutable_transforms());
  if (!parsed.ok()) return FailUsage(context, parsed);
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const absl::StatusOr<v1::Dataset> dataset = client->GenerateDataset(request);
  return dataset.ok() ? ReportDataset(context, *dataset) : Fail(context, dataset.status());
}

/// The subcommand of one generator: `add` gives it the flags of its own.
void AddGenerator(CLI::App& generate, Context& context, const char* name, const char* help, const char* example,
                  const std::function<void(CLI::App&, Flags&)>& add) {
  CLI::App* command = generate.add_subcommand(name, help);
  auto flags = std::make_shared<Flags>();
  auto dataset_flags = std::make_shared<NewDatasetFlags>();
  add(*command, *flags);
  flags->Add<std::int64_t>(*command, "--test-rows", "Further rows for the test part; default 0",
                           [](Request& request, const auto& value) { request.set_test_rows(value); });
  flags->Add<std::uint64_t>(*command, "--seed", "The only source of randomness; default 0",
                            [](Request& request, const auto& value) { request.set_seed(value); });
  AddNewDatasetFlags(*command, *dataset_flags);
  command->footer(std::string("Example:\n  cvxnn dataset generate ") + example);
  command->callback([&context, flags, dataset_flags] {
    context.action = [&context, flags, dataset_flags] { return Run(context, *flags, *dataset_flags); };
  });
}

void AddGaussian(CLI::App& command, Flags& flags) {
  flags
      .Add<std::int64_t>(command, "--rows", "n",
                         [](Request& request, const auto& value) { request.mutable_gaussian()->set_rows(value); })
      ->required();
  flags
      .Add<std::int64_t>(command, "--cols", "d",
                         [](Request& request, const auto& value) { request.mutable_gaussian()->set_cols(value); })
      ->required();
  flags.AddEnum<v1::LabelRule>(
      command, "--label-rule", "How rows get their label; default norm (+1 where the norm exceeds 1)",
      [](Request& request, v1::LabelRule value) { request.mutable_gaussian()->set_label_rule(value); });
}

void AddSine(CLI::App& command, Flags& flags) {
  flags
      .Add<std::int64_t>(command, "--rows", "n",
                         [](Request& request, const auto& value) { request.mutable_sine()->set_rows(value); })
      ->required();
  flags.Add<double>(command, "--frequency", "Radians per unit; default 10",
                    [](Request& request, const auto& value) { request.mutable_sine()->set_frequency(value); });
}

void AddTwoSpirals(CLI::App& command, Flags& flags) {
  flags
      .Add<std::int64_t>(command, "--rows", "n, both spirals together",
                         [](Request& request, const auto& value) { request.mutable_two_spirals()->set_rows(value); })
      ->required();
  flags.Add<double>(command, "--turns", "Turns of each spiral; default 1.5",
                    [](Request& request, const auto& value) { request.mutable_two_spirals()->set_turns(value); });
  flags.Add<double>(command, "--noise", "Standard deviation on both coordinates; default 0",
                    [](Request& request, const auto& value) { request.mutable_two_spirals()->set_noise(value); });
}

void AddBlobs(CLI::App& command, Flags& flags) {
  flags
      .Add<std::int64_t>(command, "--rows", "n",
                         [](Request& request, const auto& value) { request.mutable_blobs()->set_rows(value); })
      ->required();
  flags
      .Add<std::int64_t>(command, "--cols", "d",
                         [](Request& request, const auto& value) { request.mutable_blobs()->set_cols(value); })
      ->required();
  flags.Add<std::int32_t>(command, "--classes", "Number of clusters; default 3",
                          [](Request& request, const auto& value) { request.mutable_blobs()->set_classes(value); });
  flags.Add<double>(command, "--spread", "Standard deviation within a cluster; default 1",
                    [](Request& request, const auto& value) { request.mutable_blobs()->set_spread(value); });
}

void AddPlantedRelu(CLI::App& command, Flags& flags) {
  flags
      .Add<std::int64_t>(command, "--rows", "n",
                         [](Request& request, const auto& value) { request.mutable_planted_relu()->set_rows(value); })
      ->required();
  flags
      .Add<std::int64_t>(command, "--cols", "d",
                         [](Request& request, const auto& value) { request.mutable_planted_relu()->set_cols(value); })
      ->required();
  flags.Add<std::int64_t>(
      command, "--neurons", "Neurons of the planted network; default 10",
      [](Request& request, const auto& value) { request.mutable_planted_relu()->set_neurons(value); });
  flags.Add<double>(command, "--noise", "Standard deviation of the noise on the targets; default 0",
                    [](Request& request, const auto& value) { request.mutable_planted_relu()->set_noise(value); });
}

}  // namespace

void AddDatasetGenerate(CLI::App& dataset, Context& context) {
  CLI::App* generate = dataset.add_subcommand("generate", "Make a synthetic data set on the server");
  generate->require_subcommand(1);
  generate->footer("");  // that of the whole command is not for here
  AddGenerator(*generate, context, "gaussian", "Rows from N(0, I) with labels of +1 and -1",
               "gaussian --rows 1000 --cols 20 --label-rule sign --seed 1", AddGaussian);
  AddGenerator(*generate, context, "sine", "n points of sin(frequency x) on [-1, 1], with a bias column",
               "sine --rows 10", AddSine);
  AddGenerator(*generate, context, "two-spirals", "Two interleaved spirals, labelled +1 and -1",
               "two-spirals --rows 200 --noise 0.02 --test-rows 100", AddTwoSpirals);
  AddGenerator(*generate, context, "blobs", "Gaussian clusters, one class each",
               "blobs --rows 300 --cols 2 --classes 3 --transform split=0.2", AddBlobs);
  AddGenerator(*generate, context, "planted-relu", "Outputs of a random two-layer ReLU network",
               "planted-relu --rows 500 --cols 10 --neurons 5 --noise 0.1", AddPlantedRelu);
  generate->footer("Example:\n  cvxnn dataset generate two-spirals --rows 200 --id spirals --seed 1");
}

}  // namespace cvxnn::command
