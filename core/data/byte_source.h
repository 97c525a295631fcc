// SPDX-License-Identifier: Apache-2.0
// Bytes read front to back, whatever they come from: a file, a gzip file, a member of a zip archive. Readers ask for
// what the format's header promised, so a compressed file can never make them take more memory than they checked.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace cvxnn::data {

/// Not thread-safe; one reader at a time.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Reads up to `count` bytes; fewer only at the end. INVALID_ARGUMENT when the compressed data are damaged.
  virtual absl::StatusOr<std::size_t> Read(void* buffer, std::size_t count) = 0;
  /// An upper bound on the bytes of the whole source after decompression: the size of a plain file, 1,040 times that of
  /// a gzip file (deflate cannot do better).
  virtual std::int64_t max_size() const = 0;
  /// What messages call it: the file's name without its folder.
  const std::string& name() const { return name_; }

  /// Reads exactly `count` bytes; INVALID_ARGUMENT "…: truncated …" when there are fewer.
  absl::Status ReadExactly(void* buffer, std::size_t count);
  /// INVALID_ARGUMENT "…: oversized …" unless every byte was read.
  absl::Status ExpectEnd();

 private:
  std::string name_;
};

/// What an errno of opening or listing `path` means: NOT_FOUND; PERMISSION_DENIED; DATA_LOSS for a disk that fails;
/// RESOURCE_EXHAUSTED for want of memory or descriptors; otherwise INVALID_ARGUMENT, since no other path of that name
/// will come. Messages give the path.
absl::Status CannotOpen(const std::string& path, int error);

/// Opens a file; gzip is recognised by its first bytes and inflated on the way.
/// As CannotOpen, and INVALID_ARGUMENT for what is not a regular file.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path);

/// The last component of a path: what messages and descriptions show.
std::string BaseName(const std::string& path);

}  // namespace cvxnn::data
