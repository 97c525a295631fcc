// SPDX-License-Identifier: Apache-2.0
// cvxnn dataset import: has the server read files below its --import-root.
#include <absl/strings/str_cat.h>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/dataset_report.h"
#include "client/cpp/command/file_flags.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/transform_flag.h"

namespace cvxnn::command {
namespace {

struct ImportFlags {
  std::string path;
  std::vector<std::string> test_paths;
  std::string test_targets;
  FileFlags file;
  NewDatasetFlags dataset;
};

absl::Status CheckFlags(const ImportFlags& flags, const std::string& format) {
  if (format != "cifar10" && flags.test_paths.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--test: given several times: format ", format, " has one test file"));
  }
  return CheckFileFlags(flags.file, format, !flags.test_paths.empty(), !flags.test_targets.empty());
}

absl::StatusOr<v1::ImportDatasetRequest> ToRequest(const ImportFlags& flags) {
  v1::ImportDatasetRequest request;
  request.set_dataset_id(flags.dataset.id);
  request.set_display_name(flags.dataset.title);
  request.set_path(flags.path);
  const std::string format = flags.file.format.empty() ? FormatByName(flags.path) : flags.file.format;
  if (absl::Status status = CheckFlags(flags, format); !status.ok()) return status;
  const std::string test_path = flags.test_paths.empty() ? "" : flags.test_paths.front();
  const v1::Task task = flags.file.regression() ? v1::TASK_REGRESSION : v1::TASK_MULTICLASS;
  if (format == "csv") {
    v1::CsvFormat& csv = *request.mutable_csv();
    csv.set_header(!flags.file.no_header);
    csv.set_delimiter(std::string(1, flags.file.delimiter_character()));
    csv.mutable_label_columns()->Assign(flags.file.labels.begin(), flags.file.labels.end());
    csv.set_task(task);
    csv.set_test_path(test_path);
  } else if (format == "npy" || format == "npz") {
    v1::NumpyFormat& numpy = *request.mutable_numpy();
    numpy.set_features_key(flags.file.features_key);
    numpy.set_targets_key(flags.file.targets_key);
    numpy.set_test_features_key(flags.file.test_features_key);
    numpy.set_test_targets_key(flags.file.test_targets_key);
    numpy.set_targets_path(flags.file.targets);
    numpy.set_test_features_path(test_path);
    numpy.set_test_targets_path(flags.test_targets);
    numpy.set_task(task);
  } else if (format == "cifar10") {
    request.mutable_cifar10()->mutable_test_paths()->Assign(flags.test_paths.begin(), flags.test_paths.end());
  } else if (format == "idx") {
    request.mutable_idx()->set_labels_path(flags.file.targets);
    request.mutable_idx()->set_test_images_path(test_path);
    request.mutable_idx()->set_test_labels_path(flags.test_targets);
  }
  const absl::Status parsed = ParseTransforms(flags.dataset.transforms, request.mutable_transforms());
  if (!parsed.ok()) return parsed;
  return request;
}

ExitStatus Run(const Context& context, const ImportFlags& flags) {
  const absl::StatusOr<v1::ImportDatasetRequest> request = ToRequest(flags);
  if (!request.ok()) return FailUsage(context, request.status());
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const absl::StatusOr<v1::Dataset> dataset = client->ImportDataset(*request);
  return dataset.ok() ? ReportDataset(context, *dataset) : Fail(context, dataset.status());
}

}  // namespace

void AddDatasetImport(CLI::App& dataset, Context& context) {
  CLI::App* command = dataset.add_subcommand("import", "Have the server read a file below its --import-root");
  auto flags = std::make_shared<ImportFlags>();
  command->add_option("PATH", flags->path, "File or folder, relative to the server's import root")->required();
  AddRepeated(*command, "--test", flags->test_paths,
              "Test file below the import root (repeat for CIFAR-10 record files)");
  command->add_option("--test-targets", flags->test_targets, "npy, idx: file of the test targets");
  AddFileFlags(*command, flags->file);
  AddNewDatasetFlags(*command, flags->dataset);
  command->footer(
      "Examples:\n"
      "  cvxnn dataset import tables/iris.csv --label species\n"
      "  cvxnn dataset import cifar-10-batches-bin --id cifar10 --transform divide=255");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
