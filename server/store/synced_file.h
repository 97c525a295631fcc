// SPDX-License-Identifier: Apache-2.0
// A new file written piece by piece: complete and durable after Finish, gone when that never came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Bytes that one call writes, or reads (checked_reader.h): Linux moves at most 2 GiB, and smaller pieces stay in the
/// processor's cache for the checksum.
inline constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

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
  /// Has the kernel begin to write out what was appended since the last call, so that Finish finds little to do.
  void BeginWritingOut();
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
  std::size_t writing_out_ = 0;  // bytes that the kernel was told to begin with
  std::uint32_t crc32_ = 0;
};

}  // namespace cvxnn::server
