// SPDX-License-Identifier: Apache-2.0
// The arrays of a data set on their way to disk while they still arrive, so that little is left to write and sync after
// the last byte.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/store/synced_file.h"

namespace cvxnn::server {

/// A folder of files that grow behind blocks of memory. Thread-safe.
class StagedArrays {
 public:
  struct Array {
    const char* file;            ///< name in the folder
    const void* data = nullptr;  ///< must stay where it is until Sync has returned or this object is gone
    std::int64_t bytes = 0;      ///< of the whole array
  };

  /// Creates `folder` with empty files and starts the thread that writes them.
  static absl::StatusOr<std::unique_ptr<StagedArrays>> Begin(const std::filesystem::path& folder,
                                                             const std::array<Array, 4>& arrays);
  /// Stops writing and removes the folder, unless it was renamed.
  ~StagedArrays();
  StagedArrays(const StagedArrays&) = delete;
  StagedArrays& operator=(const StagedArrays&) = delete;

  /// The first `bytes` bytes of an array have arrived and will not change. Never waits for the disk.
  void Arrived(std::size_t array, std::int64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Writes the rest of every array, syncs the files and gives their CRC-32. Call once, when all have arrived.
  absl::StatusOr<std::array<std::uint32_t, 4>> Sync() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::filesystem::path& folder() const { return folder_; }

 private:
  struct File {
    Array array;
    std::optional<SyncedFile> synced;
    std::size_t arrived = 0;
    std::size_t written = 0;
    std::size_t Waiting() const { return arrived - written; }
  };
  explicit StagedArrays(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  File* Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Ready() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || stopping_ || Next() != nullptr; }

  const std::filesystem::path folder_;
  absl::Mutex mutex_;
  // The files on disk and what was written belong to the thread; arrays never change.
  std::array<File, 4> files_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;    // write what is there and end
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // end at once
  std::jthread thread_;
};

}  // namespace cvxnn::server
