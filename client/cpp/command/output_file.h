// SPDX-License-Identifier: Apache-2.0
// A file that appears under its name only when it is complete.
#pragma once

#include <absl/status/status.h>

#include <fstream>
#include <string>

namespace cvxnn::command {

/// Writes to "NAME.part" and renames; without Commit the partial file is removed.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Failed where the file could not be made.
  std::ostream& stream() { return stream_; }
  /// Flushes and renames. INTERNAL when the disk refused.
  absl::Status Commit();

 private:
  std::string path_;
  std::string part_path_;
  std::ofstream stream_;
  bool committed_ = false;
};

}  // namespace cvxnn::command
