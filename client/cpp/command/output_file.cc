// SPDX-License-Identifier: Apache-2.0
// Temporary name first, the real one last; pipes and devices are written to as they are.
#include "client/cpp/command/output_file.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace cvxnn::command {
namespace {

namespace fs = std::filesystem;

/// True for what a rename would destroy instead of filling it: /dev/null, a named pipe, a shell's >(…).
bool IsPipeOrDevice(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// The file that `path` leads to, so that a link to a file stays a link.
std::string BehindLinks(const std::string& path) {
  std::error_code failed;
  const fs::path target = fs::canonical(path, failed);
  return failed ? path : target.string();
}

absl::Status Unwritable(const std::string& path) {
  return absl::InternalError(absl::StrCat(path, ": cannot be written: ", std::strerror(errno)));
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)), direct_(IsPipeOrDevice(path_)) {
  if (!direct_) target_ = BehindLinks(path_);
  written_path_ = direct_ ? path_ : absl::StrCat(target_, ".", getpid(), ".part");
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) {
    opened_ = absl::InvalidArgumentError(absl::StrCat(path_, ": is a folder: must be a file"));
    stream_.setstate(std::ios::failbit);
    return;
  }
  errno = 0;
  stream_.open(written_path_, std::ios::binary | std::ios::trunc);
  if (!stream_) opened_ = Unwritable(path_);
}

OutputFile::~OutputFile() {
  if (committed_ || direct_ || !opened_.ok()) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(written_path_, ignored);
}

absl::Status OutputFile::Commit() {
  if (!opened_.ok()) return opened_;
  errno = 0;
  stream_.close();
  if (!stream_) return Unwritable(path_);
  std::error_code failed;
  if (!direct_) fs::rename(written_path_, target_, failed);
  if (failed) return absl::InternalError(absl::StrCat(path_, ": cannot be written: ", failed.message()));
  committed_ = true;
  return absl::OkStatus();
}

}  // namespace cvxnn::command
