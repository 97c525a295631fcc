// SPDX-License-Identifier: Apache-2.0
// Tables and field lists of data sets.
#include "client/cpp/command/dataset_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <iostream>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/list_output.h"
#include "client/cpp/command/table.h"
#include "client/cpp/command/transform_flag.h"

namespace cvxnn::command {
namespace {

std::string ShapeText(const v1::MatrixShape& shape) {
  return absl::StrCat(HumanCount(shape.rows()), " × ", HumanCount(shape.cols()), " ", EnumText(shape.data_type()));
}

/// The first few names, and how many more there are.
std::string NamesText(const google::protobuf::RepeatedPtrField<std::string>& names) {
  constexpr int kShown = 12;
  const int shown = std::min(names.size(), kShown);
  std::string text = absl::StrJoin(names.begin(), names.begin() + shown, ", ");
  if (names.size() > shown) absl::StrAppend(&text, ", … (", names.size(), " in all)");
  return text;
}

std::string ClassesText(const v1::Dataset& dataset) {
  if (dataset.class_rows_size() != dataset.class_names_size()) return NamesText(dataset.class_names());
  constexpr int kShown = 12;
  std::vector<std::string> classes;
  for (int i = 0; i < std::min(dataset.class_names_size(), kShown); ++i) {
    classes.push_back(absl::StrCat(dataset.class_names(i), " (", HumanCount(dataset.class_rows(i)), ")"));
  }
  if (dataset.class_names_size() > kShown) classes.push_back(absl::StrCat("… ", dataset.class_names_size(), " in all"));
  return absl::StrJoin(classes, ", ");
}

std::string TransformsText(const v1::Dataset& dataset) {
  return absl::StrJoin(dataset.transforms(), ", ", [](std::string* out, const v1::FittedTransform& fitted) {
    absl::StrAppend(out, TransformText(fitted.transform()));
  });
}

}  // namespace

ExitStatus ReportDataset(const Context& context, const v1::Dataset& dataset) {
  if (context.json()) {
    PrintJson(dataset);
    return kSuccess;
  }
  if (context.quiet) {
    std::cout << dataset.name() << "\n";
    return kSuccess;
  }
  FieldList fields;
  fields.Add("name", dataset.name());
  fields.Add("title", dataset.display_name());
  fields.Add("task", EnumText(dataset.task()));
  fields.Add("features", ShapeText(dataset.features()));
  fields.Add("targets", ShapeText(dataset.targets()));
  fields.Add("test rows", dataset.test_rows() > 0 ? HumanCount(dataset.test_rows()) : "none");
  if (dataset.has_image_shape()) {
    const v1::ImageShape& image = dataset.image_shape();
    fields.Add("image", absl::StrCat(image.channels(), " × ", image.height(), " × ", image.width()));
  }
  fields.Add("classes", ClassesText(dataset));
  fields.Add("target columns", NamesText(dataset.target_names()));
  fields.Add("feature columns", NamesText(dataset.feature_names()));
  fields.Add("transforms", TransformsText(dataset));
  fields.Add("source", dataset.source());
  fields.Add("stored", HumanBytes(dataset.stored_bytes()));
  fields.Add("created", HumanTime(dataset.create_time()));
  fields.Print(std::cout);
  return kSuccess;
}

ExitStatus ReportDatasets(const Context& context, const std::vector<v1::Dataset>& datasets) {
  if (PrintedForScripts(context, datasets)) return kSuccess;
  Table table({{"NAME"},
               {"TASK"},
               {"ROWS", Align::kRight},
               {"TEST", Align::kRight},
               {"COLUMNS", Align::kRight},
               {"TARGETS", Align::kRight},
               {"SIZE", Align::kRight},
               {"CREATED", Align::kRight},
               {"TITLE"}});
  for (const v1::Dataset& dataset : datasets) {
    table.AddRow({dataset.name(), EnumText(dataset.task()), HumanCount(dataset.features().rows()),
                  HumanCount(dataset.test_rows()), HumanCount(dataset.features().cols()),
                  HumanCount(dataset.targets().cols()), HumanBytes(dataset.stored_bytes()),
                  HumanAge(dataset.create_time(), absl::Now()), dataset.display_name()});
  }
  PrintTable(table, "no data sets: make one with cvxnn dataset create, generate or import");
  return kSuccess;
}

}  // namespace cvxnn::command
