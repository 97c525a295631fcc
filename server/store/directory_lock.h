// SPDX-License-Identifier: Apache-2.0
// An exclusive lock on a data directory, so that two servers never share one. The kernel drops it when the process
// ends, however it ends.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Held while the object lives. Movable. Not thread-safe; nothing but construction and destruction is done with it.
class DirectoryLock {
 public:
  /// Locks <directory>/lock. FAILED_PRECONDITION, naming the process, when another holds it.
  static absl::StatusOr<DirectoryLock> Acquire(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace cvxnn::server
