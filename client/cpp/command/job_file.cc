// SPDX-License-Identifier: Apache-2.0
// Opens job files and says where they are not YAML.
#include "client/cpp/command/job_file.h"

#include <absl/strings/str_cat.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "client/cpp/command/yaml_message.h"

namespace cvxnn::command {

absl::StatusOr<v1::Job> ParseJob(const std::string& text, const std::string& file_name) {
  v1::Job job;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsDefined() || root.IsNull()) return absl::InvalidArgumentError(absl::StrCat(file_name, ": is empty"));
    if (absl::Status status = FillMessage(root, file_name, &job); !status.ok()) return status;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ":", error.mark.line + 1, ":", error.mark.column + 1, ": ", error.msg));
  }
  return job;
}

absl::StatusOr<v1::Job> ReadJobFile(const std::string& path) {
  if (path == "-") {
    return ParseJob(std::string(std::istreambuf_iterator<char>(std::cin), {}), "standard input");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  return ParseJob(std::string(std::istreambuf_iterator<char>(file), {}), path);
}

}  // namespace cvxnn::command
