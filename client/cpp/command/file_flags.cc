// SPDX-License-Identifier: Apache-2.0
// The flags of files, and which of them mean something for which format.
#include "client/cpp/command/file_flags.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>

#include "client/cpp/command/flags.h"
#include "client/cpp/command/transform_flag.h"

namespace cvxnn::command {

void AddFileFlags(CLI::App& command, FileFlags& flags) {
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
  command.add_option("--test-features-key", flags.test_features_key, "npz: array of the test features");
  command.add_option("--test-targets-key", flags.test_targets_key, "npz: array of the test targets");
}

std::string FormatByName(const std::string& path) {
  absl::string_view name = path;
  absl::ConsumeSuffix(&name, ".gz");
  struct Ending {
    const char* text;
    const char* format;
  };
  for (const Ending& ending : {Ending{".csv", "csv"},
                               {".tsv", "csv"},
                               {".txt", "csv"},
                               {".npy", "npy"},
                               {".npz", "npz"},
                               {".bin", "cifar10"},
                               {"-ubyte", "idx"}}) {
    if (absl::EndsWithIgnoreCase(name, ending.text)) return ending.format;
  }
  return "";
}

absl::Status CheckFileFlags(const FileFlags& flags, const std::string& format, bool has_test, bool has_test_targets) {
  struct Flag {
    const char* name;
    bool given;
    const char* formats;
  };
  for (const Flag& flag : {Flag{"--task", flags.regression(), "csv npy npz"},
                           {"--label", !flags.labels.empty(), "csv"},
                           {"--no-header", flags.no_header, "csv"},
                           {"--delimiter", flags.delimiter != ",", "csv"},
                           {"--targets", !flags.targets.empty(), "npy idx"},
                           {"--features-key", !flags.features_key.empty(), "npz"},
                           {"--targets-key", !flags.targets_key.empty(), "npz"},
                           {"--test-features-key", !flags.test_features_key.empty(), "npz"},
                           {"--test-targets-key", !flags.test_targets_key.empty(), "npz"},
                           {"--test", has_test, "csv npy cifar10 idx"},
                           {"--test-targets", has_test_targets, "npy idx"}}) {
    if (!flag.given) continue;
    if (format.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag.name, ": give --format as well, the name of the file does not tell its format"));
    }
    const std::vector<std::string> formats = absl::StrSplit(flag.formats, ' ');
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
      return absl::InvalidArgumentError(absl::StrCat(flag.name, ": does not apply to format ", format));
    }
  }
  return absl::OkStatus();
}

void AddNewDatasetFlags(CLI::App& command, NewDatasetFlags& flags) {
  command.add_option("--id", flags.id, "Last part of its name: a-z, 0-9, '-'; default: the server picks one");
  command.add_option("--name,--title", flags.title, "Title for people");
  AddRepeated(command, "--transform", flags.transforms, kTransformHelp);
}

}  // namespace cvxnn::command
