// SPDX-License-Identifier: Apache-2.0
// Temporary name first, the real one last.
#include "client/cpp/command/output_file.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace cvxnn::command {

OutputFile::OutputFile(std::string path)
    : path_(std::move(path)),
      part_path_(absl::StrCat(path_, ".", getpid(), ".part")),
      stream_(part_path_, std::ios::binary | std::ios::trunc) {}

OutputFile::~OutputFile() {
  if (!committed_) std::remove(part_path_.c_str());
}

absl::Status OutputFile::Commit() {
  stream_.close();
  if (!stream_ || std::rename(part_path_.c_str(), path_.c_str()) != 0) {
    return absl::InternalError(absl::StrCat(path_, ": cannot be written: ", std::strerror(errno)));
  }
  committed_ = true;
  return absl::OkStatus();
}

}  // namespace cvxnn::command
