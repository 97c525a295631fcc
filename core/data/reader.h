// SPDX-License-Identifier: Apache-2.0
// One entrance to all readers: what ImportDataset and the command line ask for.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "core/data/csv_reader.h"
#include "core/data/dataset.h"
#include "core/data/npz_reader.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

enum class FileFormat {
  kAuto,  ///< by the first training path: .csv .tsv .txt, .npy, .npz, .bin, *-ubyte[.gz]; a folder by its content
  kCsv,
  kNpy,
  kNpz,
  kCifar10,
  kIdx,
};

struct ReadOptions {
  FileFormat format = FileFormat::kAuto;
  /// Training file(s), or one folder (CIFAR-10, IDX). Exactly one path, but for CIFAR-10 record files.
  std::vector<std::string> train_paths;
  /// Test file(s); empty for no test part, for a folder, and for NPZ.
  std::vector<std::string> test_paths;
  /// NPY and IDX files: where the targets lie (IDX: the label file). Empty for the other formats and for a folder.
  std::string train_targets_path;
  std::string test_targets_path;
  TargetKind targets = TargetKind::kClasses;  ///< CSV, NPY, NPZ; CIFAR-10 and IDX always hold classes
  bool csv_has_header = true;
  char csv_delimiter = ',';                    ///< a .tsv file read with the default uses a tab
  std::vector<std::string> csv_label_columns;  ///< see CsvOptions::label_columns
  NpzArrays npz_arrays;
  ReadLimits limits;
};

/// Reads a data set. Classification sets come out as kMulticlass with one-hot targets (two classes too: SelectClasses
/// makes them ±1). Every value is finite and the result passes ValidateDataset.
/// Errors: those of the format's reader, and INVALID_ARGUMENT naming the option that is missing or does not apply.
absl::StatusOr<Dataset> ReadDataset(const ReadOptions& options);

/// "csv", "npy", "npz", "cifar10", "idx"; "auto" for kAuto.
std::string FileFormatName(FileFormat format);

}  // namespace cvxnn::data
