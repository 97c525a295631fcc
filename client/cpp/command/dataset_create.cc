// SPDX-License-Identifier: Apache-2.0
// cvxnn dataset create: reads files on this machine and uploads the numbers.
#include <absl/strings/str_replace.h>

#include <filesystem>
#include <system_error>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/dataset_report.h"
#include "client/cpp/command/file_flags.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/interrupt.h"
#include "client/cpp/command/transfer_line.h"
#include "client/cpp/command/transform_flag.h"
#include "core/data/reader.h"

namespace cvxnn::command {
namespace {

struct CreateFlags {
  std::vector<std::string> files;
  std::vector<std::string> test_files;
  std::string test_targets;
  FileFlags file;
  NewDatasetFlags dataset;
};

data::FileFormat ToFormat(const std::string& text) {
  for (const data::FileFormat format : {data::FileFormat::kCsv, data::FileFormat::kNpy, data::FileFormat::kNpz,
                                        data::FileFormat::kCifar10, data::FileFormat::kIdx}) {
    if (data::FileFormatName(format) == text) return format;
  }
  return data::FileFormat::kAuto;
}

data::ReadOptions ToReadOptions(const CreateFlags& flags) {
  data::ReadOptions options;
  options.format = ToFormat(flags.file.format);
  options.train_paths = flags.files;
  options.test_paths = flags.test_files;
  options.train_targets_path = flags.file.targets;
  options.test_targets_path = flags.test_targets;
  options.targets = flags.file.regression() ? data::TargetKind::kValues : data::TargetKind::kClasses;
  options.csv_has_header = !flags.file.no_header;
  options.csv_delimiter = flags.file.delimiter_character();
  options.csv_label_columns = flags.file.labels;
  options.npz_arrays = {flags.file.features_key, flags.file.targets_key, flags.file.test_features_key,
                        flags.file.test_targets_key};
  return options;
}

/// A folder holds CIFAR-10 or IDX files, to which the same flags apply; what no name tells the reader refuses itself.
absl::Status CheckFlags(const CreateFlags& flags) {
  std::string format = flags.file.format.empty() ? FormatByName(flags.files.front()) : flags.file.format;
  std::error_code ignored;
  if (format.empty() && std::filesystem::is_directory(flags.files.front(), ignored)) format = "cifar10";
  if (format.empty()) return absl::OkStatus();
  return CheckFileFlags(flags.file, format, !flags.test_files.empty(), !flags.test_targets.empty());
}

/// The reader's message with this command's flags in place of the reader's fields, which nobody here has seen.
absl::Status InFlags(const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrReplaceAll(status.message(), {{"train_targets_path", "--targets"},
                                                             {"test_targets_path", "--test-targets"},
                                                             {"train_paths", "FILE"},
                                                             {"test_paths", "--test"},
                                                             {"npz.train_features", "--features-key"},
                                                             {"npz.train_targets", "--targets-key"},
                                                             {"npz.test_features", "--test-features-key"},
                                                             {"npz.test_targets", "--test-targets-key"},
                                                             {"label_columns", "--label"}}));
}

ExitStatus Run(const Context& context, const CreateFlags& flags) {
  client::CreateDatasetOptions options;
  options.header.set_dataset_id(flags.dataset.id);
  options.header.set_display_name(flags.dataset.title);
  const absl::Status parsed = ParseTransforms(flags.dataset.transforms, options.header.mutable_transforms());
  if (!parsed.ok()) return FailUsage(context, parsed);
  if (absl::Status status = CheckFlags(flags); !status.ok()) return FailUsage(context, status);
  const absl::StatusOr<data::Dataset> dataset = data::ReadDataset(ToReadOptions(flags));
  if (!dataset.ok()) return FailUsage(context, InFlags(dataset.status()));

  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());
  const InterruptGuard interrupt;
  options.stop = interrupt.token();
  absl::StatusOr<v1::Dataset> created;
  {
    TransferLine line("uploading", !context.json() && !context.quiet);
    options.progress = line.Callback();
    created = client->CreateDataset(*dataset, std::move(options));
  }
  return created.ok() ? ReportDataset(context, *created) : FailTransfer(context, interrupt, created.status());
}

}  // namespace

void AddDatasetCreate(CLI::App& dataset, Context& context) {
  CLI::App* command = dataset.add_subcommand("create", "Upload files of this machine as a data set");
  auto flags = std::make_shared<CreateFlags>();
  command->add_option("FILE", flags->files, "Training file; a CIFAR-10 or IDX folder; several CIFAR-10 record files")
      ->required();
  AddRepeated(*command, "--test", flags->test_files, "Test file (repeat for CIFAR-10 record files)");
  command->add_option("--test-targets", flags->test_targets, "npy, idx: file of the test targets");
  AddFileFlags(*command, flags->file);
  AddNewDatasetFlags(*command, flags->dataset);
  command->footer(
      "Examples:\n"
      "  cvxnn dataset create iris.csv --label species --transform split=0.2,seed=1 --transform standardize\n"
      "  cvxnn dataset create houses.csv --task regression --label price --id houses\n"
      "  cvxnn dataset create train.npy --targets labels.npy\n"
      "  cvxnn dataset create cifar-10-batches-bin --id planes \\\n"
      "      --transform select_classes=airplane,automobile:pm1 --transform divide=255");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
