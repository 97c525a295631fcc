// SPDX-License-Identifier: Apache-2.0
// A file that appears under its name only when it is complete.
#pragma once

#include <absl/status/status.h>

#include <fstream>
#include <string>

namespace cvxnn::command {

/// Writes to "NAME.PID.part" and renames; without Commit the partial file is removed. A link to a file stays a link. A
/// pipe or a device is written to as it is, since a rename would put a file in its place.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// INVALID_ARGUMENT where the path is a folder, INTERNAL where the file cannot be made, with the system's reason.
  const absl::Status& opened() const { return opened_; }
  /// A pipe or a device, which may be standard output: what else is said does not belong into it.
  bool direct() const { return direct_; }
  /// Failed where opened() is no success.
  std::ostream& stream() { return stream_; }
  /// Flushes and renames. INTERNAL when the disk refused; opened() where that is no success.
  absl::Status Commit();

 private:
  std::string path_;
  bool direct_;
  std::string target_;        ///< what the complete file is renamed to
  std::string written_path_;  ///< what is written to until then
  std::ofstream stream_;
  absl::Status opened_;
  bool committed_ = false;
};

}  // namespace cvxnn::command
