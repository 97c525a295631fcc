// SPDX-License-Identifier: Apache-2.0
// Files that are either completely there or not at all, with a checksum that is verified whenever they are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cvxnn::server {

/// CRC-32 (the one of zlib, gzip and Ethernet) of `bytes` bytes.
std::uint32_t Crc32(const void* data, std::size_t bytes);

/// "<what>: <the system's words>": RESOURCE_EXHAUSTED for a full disk or quota, NOT_FOUND, PERMISSION_DENIED, DATA_LOSS
/// for an input/output error, INTERNAL otherwise.
absl::Status ErrnoStatus(int error, const std::string& what);

/// Creates `file`, which must not exist, writes the bytes and syncs them; gives their CRC-32. A file cut off by an
/// error is removed.
absl::StatusOr<std::uint32_t> WriteSynced(const std::filesystem::path& file, const void* data, std::size_t bytes);

/// Creates a directory and those above it that are missing, each durably; nothing when it is there already.
absl::Status CreateDirectoriesSynced(const std::filesystem::path& directory);

/// Makes creations, renames and removals in a directory durable.
absl::Status SyncDirectory(const std::filesystem::path& directory);

/// Renames within one directory and makes it durable.
absl::Status RenameSynced(const std::filesystem::path& from, const std::filesystem::path& to);

/// Reads exactly `bytes` bytes into `data`. DATA_LOSS naming the file when it is missing, has another length, cannot be
/// read, or its CRC-32 is not `crc32`.
absl::Status ReadChecked(const std::filesystem::path& file, std::uint32_t crc32, void* data, std::size_t bytes);

/// Removes a file or folder with all that is in it; what cannot be removed is logged and left to the next sweep.
void RemoveAll(const std::filesystem::path& path);

}  // namespace cvxnn::server
