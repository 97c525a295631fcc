// SPDX-License-Identifier: Apache-2.0
// Opens job files and says where they are not YAML.
#include "client/cpp/command/job_file.h"

#include <absl/strings/str_cat.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <system_error>

#include "client/cpp/command/yaml_message.h"

namespace cvxnn::command {

namespace {

// yaml-cpp 0.7 finds documents without end in some text that is none ("," before anything else), and LoadAll would hold
// them all.
constexpr int kMostDocuments = 16;

/// Hears of a file what there is, and keeps nothing.
class Nothing : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

bool HasFewDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Nothing nothing;
  int documents = 0;
  while (documents <= kMostDocuments && parser.HandleNextDocument(nothing)) ++documents;
  return documents <= kMostDocuments;
}

// What `job describe` prints of a job with ten thousand trials is a job file too.
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 24;

absl::StatusOr<v1::Job> Read(std::istream& stream, const std::string& name) {
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) return absl::DataLossError(absl::StrCat(name, ": cannot be read"));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": is larger than 16 MiB: no job file"));
  }
  return ParseJob(text, name);
}

}  // namespace

absl::StatusOr<v1::Job> ParseJob(const std::string& text, const std::string& file_name) {
  const auto fault = [&](const YAML::Mark& mark, const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ":", mark.line + 1, ":", mark.column + 1, ": ", what...));
  };
  v1::Job job;
  try {
    if (!HasFewDocuments(text)) return absl::InvalidArgumentError(absl::StrCat(file_name, ": is no YAML"));
    YAML::Node root;
    for (const YAML::Node& document : YAML::LoadAll(text)) {
      if (!document.IsDefined() || document.IsNull()) continue;
      if (!root.IsNull()) return fault(document.Mark(), "a second document begins here: a job file holds one job");
      root.reset(document);
    }
    if (root.IsNull()) return absl::InvalidArgumentError(absl::StrCat(file_name, ": is empty"));
    if (absl::Status status = FillMessage(root, file_name, &job); !status.ok()) return status;
  } catch (const YAML::DeepRecursion& error) {
    return fault(error.mark, "is nested too deeply: a job has few levels");
  } catch (const YAML::Exception& error) {
    return fault(error.mark, error.msg);
  }
  return job;
}

absl::StatusOr<v1::Job> ReadJobFile(const std::string& path) {
  if (path == "-") return Read(std::cin, "standard input");
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder: must be a job file"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  return Read(file, path);
}

}  // namespace cvxnn::command
