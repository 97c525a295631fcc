// SPDX-License-Identifier: Apache-2.0
// Tables, field lists and prediction files of models.
#include "client/cpp/command/model_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/time/clock.h>

#include <iostream>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/list_output.h"
#include "client/cpp/command/metrics_table.h"
#include "client/cpp/command/table.h"

namespace cvxnn::command {
namespace {

std::string ClassOf(const client::Predictions& predictions, const v1::Model& model, std::int64_t row) {
  const std::int32_t index = predictions.classes[static_cast<std::size_t>(row)];
  return index >= 0 && index < model.class_names_size() ? model.class_names(index) : absl::StrCat(index);
}

/// As RFC 4180 wants it.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

/// Enough digits to read the same number back.
std::string ExactNumber(const data::Matrix& matrix, std::int64_t row, std::int64_t column) {
  const bool single = matrix.type() == data::ElementType::kFloat32;
  return absl::StrFormat("%.*g", single ? 9 : 17, matrix.at(row, column));
}

void PrintTableOf(const client::Predictions& predictions, const v1::Model& model, std::ostream& out) {
  std::vector<Table::Column> columns = {{"ROW", Align::kRight}};
  for (std::int64_t k = 0; k < predictions.outputs.cols(); ++k) {
    columns.push_back({absl::StrCat("OUTPUT ", k), Align::kRight});
  }
  if (!predictions.classes.empty()) columns.push_back({"CLASS"});
  Table table(columns);
  for (std::int64_t i = 0; i < predictions.outputs.rows(); ++i) {
    std::vector<std::string> cells = {absl::StrCat(i)};
    for (std::int64_t k = 0; k < predictions.outputs.cols(); ++k) {
      cells.push_back(HumanNumber(predictions.outputs.at(i, k)));
    }
    if (!predictions.classes.empty()) cells.push_back(ClassOf(predictions, model, i));
    table.AddRow(std::move(cells));
  }
  table.Print(out);
}

void PrintCsvOf(const client::Predictions& predictions, const v1::Model& model, std::ostream& out) {
  const data::Matrix& outputs = predictions.outputs;
  for (std::int64_t k = 0; k < outputs.cols(); ++k) out << (k > 0 ? "," : "") << "output_" << k;
  out << (predictions.classes.empty() ? "\n" : ",class\n");
  for (std::int64_t i = 0; i < outputs.rows(); ++i) {
    for (std::int64_t k = 0; k < outputs.cols(); ++k) out << (k > 0 ? "," : "") << ExactNumber(outputs, i, k);
    if (!predictions.classes.empty()) out << "," << CsvField(ClassOf(predictions, model, i));
    out << "\n";
  }
}

void PrintJsonOf(const client::Predictions& predictions, const v1::Model& model, std::ostream& out) {
  for (std::int64_t i = 0; i < predictions.outputs.rows(); ++i) {
    nlohmann::ordered_json line = {{"row", i}, {"outputs", nlohmann::ordered_json::array()}};
    for (std::int64_t k = 0; k < predictions.outputs.cols(); ++k) {
      line["outputs"].push_back(predictions.outputs.at(i, k));
    }
    if (!predictions.classes.empty()) {
      line["predicted_class"] = predictions.classes[static_cast<std::size_t>(i)];
      line["class_name"] = ClassOf(predictions, model, i);
    }
    out << line.dump() << "\n";
  }
}

}  // namespace

ExitStatus ReportModel(const Context& context, const v1::Model& model) {
  if (context.json()) {
    PrintJson(model);
    return kSuccess;
  }
  FieldList fields;
  fields.Add("name", model.name());
  fields.Add("job", model.job());
  fields.Add("data set", model.dataset());
  fields.Add("trial", absl::StrCat(model.trial()));
  if (model.snapshot()) fields.Add("snapshot", absl::StrCat("after ", HumanCount(model.metrics().epoch()), " epochs"));
  fields.Add("made of", model.source_model());
  fields.Add("how", model.derivation());
  fields.Add("network", absl::StrCat(HumanCount(model.inputs()), " inputs, ", HumanCount(model.neurons()), " ",
                                     EnumText(model.activation()), " neurons, ", HumanCount(model.outputs()), " output",
                                     model.outputs() == 1 ? "" : "s", ", ", EnumText(model.data_type())));
  fields.Add("task", EnumText(model.task()));
  fields.Add("classes", absl::StrJoin(model.class_names(), ", "));
  fields.Add("stored", HumanBytes(model.stored_bytes()));
  fields.Add("created", HumanTime(model.create_time()));
  if (model.has_metrics()) AddMetrics(fields, model.metrics());
  fields.Print(std::cout);
  return kSuccess;
}

ExitStatus ReportModels(const Context& context, const std::vector<v1::Model>& models) {
  if (PrintedForScripts(context, models)) return kSuccess;
  Table table({{"NAME"},
               {"JOB"},
               {"TRIAL", Align::kRight},
               {"EPOCH", Align::kRight},
               {"NETWORK"},
               {"NEURONS", Align::kRight},
               {"OBJECTIVE", Align::kRight},
               {"TRAIN", Align::kRight},
               {"TEST", Align::kRight},
               {"SIZE", Align::kRight},
               {"CREATED", Align::kRight}});
  for (const v1::Model& model : models) {
    const v1::EpochMetrics& metrics = model.metrics();
    table.AddRow({model.name(), model.job(), absl::StrCat(model.trial()),
                  absl::StrCat(HumanCount(metrics.epoch()), model.snapshot()               ? " (snapshot)"
                                                            : model.source_model().empty() ? ""
                                                                                           : " (derived)"),
                  EnumText(model.activation()), HumanCount(model.neurons()),
                  metrics.has_objective() ? HumanNumber(metrics.objective()) : "",
                  metrics.has_train_accuracy() ? HumanShare(metrics.train_accuracy()) : "",
                  metrics.has_test_accuracy() ? HumanShare(metrics.test_accuracy()) : "",
                  HumanBytes(model.stored_bytes()), HumanAge(model.create_time(), absl::Now())});
  }
  PrintTable(table, "no models: they come with jobs that end");
  return kSuccess;
}

void PrintPredictions(const client::Predictions& predictions, const v1::Model& model, const std::string& format,
                      std::ostream& out) {
  if (format == "csv") {
    PrintCsvOf(predictions, model, out);
  } else if (format == "json") {
    PrintJsonOf(predictions, model, out);
  } else {
    PrintTableOf(predictions, model, out);
  }
}

}  // namespace cvxnn::command
