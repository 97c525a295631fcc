// SPDX-License-Identifier: Apache-2.0
// Import formats to core; see import_format.h.
#include "server/translate/import_format.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <initializer_list>
#include <utility>

#include "server/translate/capabilities.h"
#include "server/translate/choose.h"

namespace cvxnn::server {
namespace {

constexpr std::array kTargetKinds = {Choice{v1::TASK_MULTICLASS, data::TargetKind::kClasses},
                                     Choice{v1::TASK_REGRESSION, data::TargetKind::kValues}};

data::TargetKind Targets(v1::Task task, const std::string& field, Violations* violations) {
  for (const auto& kind : kTargetKinds) {
    if (task == v1::TASK_UNSPECIFIED || kind.proto == task) return kind.core;
  }
  violations->Invalid(field, ValueName(task),
                      "must be TASK_MULTICLASS (also for two classes; select_classes makes them -1 and +1) or "
                      "TASK_REGRESSION");
  return data::TargetKind::kClasses;
}

void Csv(const v1::CsvFormat& from, data::ReadOptions* to, Violations* violations) {
  to->format = data::FileFormat::kCsv;
  if (from.has_header()) to->csv_has_header = from.header();
  if (!from.delimiter().empty()) {
    const unsigned char delimiter = static_cast<unsigned char>(from.delimiter()[0]);
    const bool usable = from.delimiter().size() == 1 && delimiter < 128 && delimiter != '"' && delimiter != '\n' &&
                        delimiter != '\r' && !absl::ascii_isalnum(delimiter) && delimiter != '.' && delimiter != '+' &&
                        delimiter != '-';
    violations->Require(usable, "csv.delimiter", from.delimiter(),
                        "must be one ASCII character that numbers, quotes and line ends do not use");
    to->csv_delimiter = from.delimiter()[0];
  }
  if (!from.test_path().empty()) to->test_paths = {from.test_path()};
  to->csv_label_columns.assign(from.label_columns().begin(), from.label_columns().end());
  to->targets = Targets(from.task(), "csv.task", violations);
  violations->Require(to->csv_label_columns.size() <= 1 || to->targets == data::TargetKind::kValues,
                      "csv.label_columns", absl::StrCat(to->csv_label_columns.size(), " columns"),
                      "must be one for classification; several are for TASK_REGRESSION");
}

/// The fields that the other of the two NumPy formats uses must be empty.
void RequireEmpty(std::initializer_list<std::pair<const char*, const std::string*>> fields, const char* format,
                  Violations* violations) {
  for (const auto& [field, value] : fields) {
    violations->Require(value->empty(), absl::StrCat("numpy.", field), *value,
                        absl::StrCat("must be empty for a ", format, " file"));
  }
}

void Numpy(const v1::NumpyFormat& from, const std::string& path, data::ReadOptions* to, Violations* violations) {
  const bool archive = absl::EndsWithIgnoreCase(path, ".npz");
  to->targets = Targets(from.task(), "numpy.task", violations);
  if (archive) {
    to->format = data::FileFormat::kNpz;
    to->npz_arrays = {from.features_key(), from.targets_key(), from.test_features_key(), from.test_targets_key()};
    RequireEmpty({{"targets_path", &from.targets_path()},
                  {"test_features_path", &from.test_features_path()},
                  {"test_targets_path", &from.test_targets_path()}},
                 ".npz", violations);
    return;
  }
  to->format = data::FileFormat::kNpy;
  to->train_targets_path = from.targets_path();
  if (!from.test_features_path().empty()) to->test_paths = {from.test_features_path()};
  to->test_targets_path = from.test_targets_path();
  if (from.targets_path().empty()) violations->Wrong("numpy.targets_path", "required for a .npy file");
  if (from.test_features_path().empty() != from.test_targets_path().empty()) {
    violations->Wrong(from.test_features_path().empty() ? "numpy.test_features_path" : "numpy.test_targets_path",
                      "required: test features and test targets go together");
  }
  RequireEmpty({{"features_key", &from.features_key()},
                {"targets_key", &from.targets_key()},
                {"test_features_key", &from.test_features_key()},
                {"test_targets_key", &from.test_targets_key()}},
               ".npy", violations);
}

void Idx(const v1::IdxFormat& from, data::ReadOptions* to, Violations* violations) {
  to->format = data::FileFormat::kIdx;
  to->train_targets_path = from.labels_path();
  if (!from.test_images_path().empty()) to->test_paths = {from.test_images_path()};
  to->test_targets_path = from.test_labels_path();
  if (from.labels_path().empty()) violations->Wrong("idx.labels_path", "required");
  if (from.test_images_path().empty() != from.test_labels_path().empty()) {
    violations->Wrong(from.test_images_path().empty() ? "idx.test_images_path" : "idx.test_labels_path",
                      "required: test images and test labels go together");
  }
}

}  // namespace

data::ReadOptions ImportFromProto(const v1::ImportDatasetRequest& request, Violations* violations) {
  data::ReadOptions options;
  options.train_paths = {request.path()};
  if (request.path().empty()) violations->Wrong("path", "required: a file or folder below the import root");
  const int kind = request.format_case();
  if (kind != v1::ImportDatasetRequest::FORMAT_NOT_SET &&
      !IsBuilt(v1::ImportDatasetRequest::descriptor(), kImportFormats, kind, "format", violations)) {
    return options;
  }
  switch (request.format_case()) {
    case v1::ImportDatasetRequest::kCsv:
      Csv(request.csv(), &options, violations);
      break;
    case v1::ImportDatasetRequest::kNumpy:
      Numpy(request.numpy(), request.path(), &options, violations);
      break;
    case v1::ImportDatasetRequest::kCifar10:
      options.format = data::FileFormat::kCifar10;
      options.test_paths.assign(request.cifar10().test_paths().begin(), request.cifar10().test_paths().end());
      break;
    case v1::ImportDatasetRequest::kIdx:
      Idx(request.idx(), &options, violations);
      break;
    case v1::ImportDatasetRequest::FORMAT_NOT_SET:
      break;
  }
  return options;
}

}  // namespace cvxnn::server
