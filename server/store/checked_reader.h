// SPDX-License-Identifier: Apache-2.0
// Reads a file, or a part of one, from beginning to end in pieces and verifies its checksum with the last of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Not thread-safe.
class CheckedReader {
 public:
  /// DATA_LOSS naming the file when it is missing or does not have `bytes` bytes.
  static absl::StatusOr<std::unique_ptr<CheckedReader>> Open(const std::filesystem::path& file, std::uint32_t crc32,
                                                             std::size_t bytes);
  /// A part of a file: `bytes` bytes from `first_byte` on, with the CRC-32 of this part. DATA_LOSS naming the file when
  /// it is missing or ends before the part does.
  static absl::StatusOr<std::unique_ptr<CheckedReader>> OpenPart(const std::filesystem::path& file,
                                                                 std::size_t first_byte, std::uint32_t crc32,
                                                                 std::size_t bytes);
  ~CheckedReader();
  CheckedReader(const CheckedReader&) = delete;
  CheckedReader& operator=(const CheckedReader&) = delete;

  /// The next `bytes` bytes, at most left(). DATA_LOSS naming the file when it cannot be read, or when this piece is
  /// the last and the CRC-32 of the whole is not the expected one: who got every piece got the right file.
  absl::Status Read(char* data, std::size_t bytes);

  /// CRC-32 of what the last Read gave.
  std::uint32_t last_crc32() const { return last_crc32_; }

  std::size_t left() const { return left_; }
  std::uint32_t crc32() const { return crc32_; }  ///< of all that is read, as expected

 private:
  CheckedReader(std::filesystem::path file, int descriptor, std::uint32_t crc32, std::size_t bytes)
      : file_(std::move(file)), descriptor_(descriptor), crc32_(crc32), left_(bytes) {}

  static absl::StatusOr<std::unique_ptr<CheckedReader>> OpenAny(const std::filesystem::path& file, std::uint32_t crc32,
                                                                std::size_t bytes, std::size_t* size);

  const std::filesystem::path file_;
  const int descriptor_;
  const std::uint32_t crc32_;
  std::uint32_t so_far_ = 0;  // CRC-32 of all that was read
  std::uint32_t last_crc32_ = 0;
  std::size_t left_;
};

}  // namespace cvxnn::server
