// SPDX-License-Identifier: Apache-2.0
// cvxnn model predict.
#include <iostream>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/model_report.h"
#include "client/cpp/command/output_file.h"
#include "client/cpp/command/read_rows.h"

namespace cvxnn::command {
namespace {

struct PredictFlags {
  std::string name;
  std::string rows_file;
  bool no_header = false;
  bool as_trained = false;
  std::string dataset;
  std::string part = "test";
  std::int64_t first_row = 0;
  std::int64_t row_count = 0;
  std::string format;
  std::string output;
};

absl::StatusOr<client::Predictions> Predict(const client::Client& client, const std::string& model,
                                            const PredictFlags& flags, const data::Matrix& rows) {
  if (!flags.rows_file.empty()) return client.Predict(model, rows, !flags.as_trained);
  v1::DatasetRows range;
  range.set_dataset(ResourceName("datasets", flags.dataset));
  range.set_part(EnumValue<v1::Part>(flags.part));
  range.set_first_row(flags.first_row);
  range.set_row_count(flags.row_count);
  return client.Predict(model, range);
}

ExitStatus Run(const Context& context, const PredictFlags& flags) {
  data::Matrix rows;
  if (!flags.rows_file.empty()) {
    absl::StatusOr<data::Matrix> read = ReadRows(flags.rows_file, !flags.no_header);
    if (!read.ok()) return FailUsage(context, read.status());
    rows = *std::move(read);
  }
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const std::string name = ResourceName("models", flags.name);
  const auto model = client->GetModel(name);
  if (!model.ok()) return Fail(context, model.status());
  const auto predictions = Predict(*client, name, flags, rows);
  if (!predictions.ok()) return Fail(context, predictions.status());

  const bool to_file = !flags.output.empty() && flags.output != "-";
  std::string format = flags.format;
  if (format.empty()) format = context.json() ? "json" : to_file ? "csv" : "table";
  if (!to_file) {
    PrintPredictions(*predictions, *model, format, std::cout);
    return kSuccess;
  }
  OutputFile file(flags.output);
  if (!file.opened().ok()) return FailUsage(context, file.opened());
  PrintPredictions(*predictions, *model, format, file.stream());
  const absl::Status written = file.Commit();
  return written.ok() ? kSuccess : Fail(context, written);
}

}  // namespace

void AddModelPredict(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("predict", "Outputs for rows of a file, or of a data set");
  auto flags = std::make_shared<PredictFlags>();
  command->add_option("NAME", flags->name, "models/…, or its last part")->required();
  CLI::Option* rows = command->add_option("--rows", flags->rows_file, "File of rows, .csv or .npy, without targets");
  command->add_flag("--no-header", flags->no_header, "csv: the first line is a row already")->needs(rows);
  command
      ->add_flag("--as-trained", flags->as_trained,
                 "The rows went through the data set's transforms already, bias column included")
      ->needs(rows);
  command->add_option("--dataset", flags->dataset, "Data set to take rows of; default: the one it was trained on")
      ->excludes(rows);
  OneOf<v1::Part>(command->add_option("--part", flags->part, "Part of the data set")->excludes(rows))
      ->capture_default_str();
  OnlyNumbers<std::int64_t>(command->add_option("--first-row", flags->first_row, "First row of the part, from 0"))
      ->excludes(rows);
  OnlyNumbers<std::int64_t>(
      command->add_option("--row-count", flags->row_count, "How many; default 0: all that follow"))
      ->excludes(rows);
  command->add_option("--format", flags->format, "Default: table, csv into a file, json with --output json")
      ->check(CLI::IsMember({"table", "csv", "json"}));
  command->add_option("-o,--out", flags->output, "File to write; default: standard output");
  command->footer(
      "Examples:\n"
      "  cvxnn model predict m-3f2a --rows flowers.csv\n"
      "  cvxnn model predict m-3f2a --part test -o test.csv");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
