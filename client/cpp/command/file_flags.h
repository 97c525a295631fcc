// SPDX-License-Identifier: Apache-2.0
// Flags that `dataset create` (files here) and `dataset import` (files on the server) share, and those of every command
// that makes a data set.
#pragma once

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cvxnn::command {

/// What a file holds.
struct FileFlags {
  std::string format;  ///< empty: by the file's name
  std::string task = "classification";
  std::vector<std::string> labels;
  bool no_header = false;
  std::string delimiter = ",";
  std::string targets;
  std::string features_key;
  std::string targets_key;
  std::string test_features_key;
  std::string test_targets_key;

  bool regression() const { return task == "regression"; }
  /// "tab" and "\t" are names of the tab.
  char delimiter_character() const { return delimiter == "tab" || delimiter == "\\t" ? '\t' : delimiter.front(); }
};

void AddFileFlags(CLI::App& command, FileFlags& flags);

/// What a name says of its file's format ("csv", "npy", "npz", "cifar10", "idx"), compressed or not; else "".
std::string FormatByName(const std::string& path);

/// INVALID_ARGUMENT for a flag that was given and would be dropped: it does not belong to `format`, or the format is
/// unknown (""), so that nothing says what the flag means. `has_test`, `has_test_targets`: --test and --test-targets
/// were given.
absl::Status CheckFileFlags(const FileFlags& flags, const std::string& format, bool has_test, bool has_test_targets);

/// What the new data set is called and how it is prepared.
struct NewDatasetFlags {
  std::string id;
  std::string title;
  std::vector<std::string> transforms;
};

void AddNewDatasetFlags(CLI::App& command, NewDatasetFlags& flags);

}  // namespace cvxnn::command
