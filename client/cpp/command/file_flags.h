// SPDX-License-Identifier: Apache-2.0
// Flags that `dataset create` (files here) and `dataset import` (files on the server) share, and those of every command
// that makes a data set.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/cpp/command/flags.h"
#include "client/cpp/command/transform_flag.h"

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

  bool regression() const { return task == "regression"; }
  /// "tab" and "\t" are names of the tab.
  char delimiter_character() const { return delimiter == "tab" || delimiter == "\\t" ? '\t' : delimiter.front(); }
};

inline void AddFileFlags(CLI::App& command, FileFlags& flags) {
  command.add_option("--format", flags.format, "Format of the file; default: by its name")
      ->check(CLI::IsMember({"csv", "npy", "npz", "cifar10", "idx"}));
  command.add_option("--task", flags.task, "csv, npy, npz: what the targets are")
      ->check(CLI::IsMember({"classification", "regression"}))
      ->capture_default_str();
  AddRepeated(command, "--label", flags.labels,
              "csv: label column by name or 0-based number (repeat for regression); default: the last");
  command.add_flag("--no-header", flags.no_header, "csv: the first line is a row already");
  command.add_option("--delimiter", flags.delimiter, "csv: one character, or tab")
      ->check([](const std::string& text) {
        return text.size() == 1 || text == "tab" || text == "\\t" ? "" : "must be one character, or tab";
      })
      ->capture_default_str();
  command.add_option("--targets", flags.targets, "npy, idx: file of the training targets");
  command.add_option("--features-key", flags.features_key, "npz: array of the features");
  command.add_option("--targets-key", flags.targets_key, "npz: array of the targets");
}

/// What the new data set is called and how it is prepared.
struct NewDatasetFlags {
  std::string id;
  std::string title;
  std::vector<std::string> transforms;
};

inline void AddNewDatasetFlags(CLI::App& command, NewDatasetFlags& flags) {
  command.add_option("--id", flags.id, "Last part of its name: a-z, 0-9, '-'; default: the server picks one");
  command.add_option("--name,--title", flags.title, "Title for people");
  AddRepeated(command, "--transform", flags.transforms, kTransformHelp);
}

}  // namespace cvxnn::command
