// SPDX-License-Identifier: Apache-2.0
// One entrance to all readers; see reader.h.
#include "core/data/reader.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <filesystem>
#include <new>
#include <system_error>

#include "core/data/cifar10_reader.h"
#include "core/data/idx_reader.h"
#include "core/data/npy_reader.h"
#include "core/data/validate.h"

namespace cvxnn::data {
namespace {

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

absl::StatusOr<FileFormat> FormatOfPath(const std::string& path) {
  if (IsFolder(path)) return FindIdxFiles(path).ok() ? FileFormat::kIdx : FileFormat::kCifar10;
  absl::string_view name = path;
  absl::ConsumeSuffix(&name, ".gz");
  if (absl::EndsWithIgnoreCase(name, ".csv") || absl::EndsWithIgnoreCase(name, ".tsv") ||
      absl::EndsWithIgnoreCase(name, ".txt")) {
    return FileFormat::kCsv;
  }
  if (absl::EndsWithIgnoreCase(name, ".npy")) return FileFormat::kNpy;
  if (absl::EndsWithIgnoreCase(name, ".npz")) return FileFormat::kNpz;
  if (absl::EndsWithIgnoreCase(name, ".bin")) return FileFormat::kCifar10;
  if (absl::EndsWith(name, "-ubyte")) return FileFormat::kIdx;
  return absl::InvalidArgumentError(
      absl::StrCat("format: cannot be told from \"", path,
                   "\": must be given, or the name must end in .csv, .tsv, .txt, .npy, .npz, "
                   ".bin or -ubyte"));
}

absl::Status DoesNotApply(const char* field, FileFormat format) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": does not apply to format ", FileFormatName(format), ": must be empty"));
}

// Which paths a format takes.
absl::Status CheckPaths(const ReadOptions& options, FileFormat format) {
  const bool folder = IsFolder(options.train_paths[0]);
  if (folder && format != FileFormat::kCifar10 && format != FileFormat::kIdx) {
    return absl::InvalidArgumentError(
        absl::StrCat("train_paths[0] is a folder: must be a file for format ", FileFormatName(format)));
  }
  if (format != FileFormat::kCifar10 && (options.train_paths.size() > 1 || options.test_paths.size() > 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("train_paths has ", options.train_paths.size(), " and test_paths ", options.test_paths.size(),
                     " entries: must have at most 1 for format ", FileFormatName(format)));
  }
  if (!options.test_paths.empty() && (folder || format == FileFormat::kNpz)) return DoesNotApply("test_paths", format);
  const bool separate_targets = !folder && (format == FileFormat::kNpy || format == FileFormat::kIdx);
  if (!separate_targets) {
    if (!options.train_targets_path.empty()) return DoesNotApply("train_targets_path", format);
    if (!options.test_targets_path.empty()) return DoesNotApply("test_targets_path", format);
    return absl::OkStatus();
  }
  if (options.train_targets_path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("train_targets_path is empty: must name the targets for format ", FileFormatName(format)));
  }
  if (options.test_paths.empty() != options.test_targets_path.empty()) {
    return absl::InvalidArgumentError("test_paths and test_targets_path: must be given together");
  }
  return absl::OkStatus();
}

absl::StatusOr<Dataset> Read(const ReadOptions& options, FileFormat format) {
  const std::string& train = options.train_paths[0];
  const std::string test = options.test_paths.empty() ? "" : options.test_paths[0];
  switch (format) {
    case FileFormat::kCsv: {
      CsvOptions csv;
      csv.has_header = options.csv_has_header;
      const bool tabs = absl::EndsWithIgnoreCase(absl::StripSuffix(train, ".gz"), ".tsv");
      csv.delimiter = tabs && options.csv_delimiter == ',' ? '\t' : options.csv_delimiter;
      csv.label_columns = options.csv_label_columns;
      csv.targets = options.targets;
      csv.limits = options.limits;
      return ReadCsv(train, test, csv);
    }
    case FileFormat::kNpy:
      return ReadNpy({train, options.train_targets_path, test, options.test_targets_path}, options.targets,
                     options.limits);
    case FileFormat::kNpz:
      return ReadNpz(train, options.npz_arrays, options.targets, options.limits);
    case FileFormat::kCifar10:
      return ReadCifar10(options.train_paths, options.test_paths, options.limits);
    case FileFormat::kIdx: {
      IdxFiles files{train, options.train_targets_path, test, options.test_targets_path};
      if (IsFolder(train)) {
        absl::StatusOr<IdxFiles> found = FindIdxFiles(train);
        if (!found.ok()) return found.status();
        files = *std::move(found);
      }
      return ReadIdx(files, options.limits);
    }
    case FileFormat::kAuto:
      break;
  }
  return absl::InvalidArgumentError("format: must be one of csv, npy, npz, cifar10, idx");
}

}  // namespace

std::string FileFormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kAuto:
      return "auto";
    case FileFormat::kCsv:
      return "csv";
    case FileFormat::kNpy:
      return "npy";
    case FileFormat::kNpz:
      return "npz";
    case FileFormat::kCifar10:
      return "cifar10";
    case FileFormat::kIdx:
      return "idx";
  }
  return "unknown";
}

absl::StatusOr<Dataset> ReadDataset(const ReadOptions& options) {
  if (options.train_paths.empty() || options.train_paths[0].empty()) {
    return absl::InvalidArgumentError("train_paths is empty: must name a file or folder");
  }
  if (options.limits.max_bytes <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("limits.max_bytes = ", options.limits.max_bytes, ": must be > 0"));
  }
  try {
    absl::StatusOr<FileFormat> format = options.format;
    if (options.format == FileFormat::kAuto) format = FormatOfPath(options.train_paths[0]);
    if (!format.ok()) return format.status();
    if (absl::Status status = CheckPaths(options, *format); !status.ok()) return status;
    absl::StatusOr<Dataset> dataset = Read(options, *format);
    if (!dataset.ok()) return dataset.status();
    if (absl::Status status = ValidateDataset(*dataset); !status.ok()) return status;
    return dataset;
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(options.train_paths[0], ": not enough memory to read it"));
  }
}

}  // namespace cvxnn::data
