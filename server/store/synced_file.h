// SPDX-License-Identifier: Apache-2.0
// A new file written piece by piece: complete and durable after Finish, gone when that never came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Movable. Not thread-safe.
class SyncedFile {
 public:
  /// Creates `file`, which must not exist.
  static absl::StatusOr<SyncedFile> Create(const std::filesystem::path& file);
  /// Removes the file unless Finish succeeded.
  ~SyncedFile();
  SyncedFile(SyncedFile&& other) noexcept;
  SyncedFile& operator=(SyncedFile&&) = delete;

  /// Writes `bytes` bytes at the end.
  absl::Status Append(const void* data, std::size_t bytes);
  /// Syncs and closes. Nothing may be called after it.
  absl::Status Finish();

  std::size_t size() const { return size_; }      ///< bytes written
  std::uint32_t crc32() const { return crc32_; }  ///< of all bytes written
  const std::filesystem::path& path() const { return path_; }

 private:
  SyncedFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::filesystem::path path_;
  int descriptor_;
  std::size_t size_ = 0;
  std::uint32_t crc32_ = 0;
};

}  // namespace cvxnn::server
