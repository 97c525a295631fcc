// SPDX-License-Identifier: Apache-2.0
// The one SQLite database of a data directory: opened once, brought to the current schema, and used through short
// transactions. Write-ahead logging lets readers go on while the writer commits; every commit is synced, so what was
// acknowledged survives the loss of the process and of power.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/store/directory_lock.h"
#include "server/store/reserve.h"

namespace SQLite {
class Database;
}

namespace cvxnn::server {

/// Metadata of data sets, jobs and models under one data directory. Thread-safe: one transaction writes at a time, one
/// reads beside it.
class Database {
 public:
  /// Creates the directory where it is missing, locks it and opens or creates <data_dir>/cvxnn.sqlite3.
  /// FAILED_PRECONDITION when another process holds the directory, or when the schema is newer than this program
  /// knows; DATA_LOSS when the file is no database; INTERNAL or PERMISSION_DENIED when the directory cannot be used.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::filesystem::path& data_dir);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  using Body = std::function<absl::Status(SQLite::Database&)>;
  /// What a transaction may do on a full disk.
  enum class Room {
    kOrdinary,  ///< fail
    kReserve,   ///< use the room that is kept for this: for what frees room, or must not wait for it
  };
  /// Runs `body` in a write transaction: committed and synced when it returns OK, rolled back otherwise. What SQLite
  /// throws becomes a Status (RESOURCE_EXHAUSTED when disk or memory is full, DATA_LOSS when the file is damaged or
  /// cannot be read or written). With kReserve `body` may be run a second time.
  absl::Status Write(const Body& body, Room room = Room::kOrdinary) ABSL_LOCKS_EXCLUDED(write_mutex_);
  /// Runs `body` on one consistent state of the database; it must not write.
  absl::Status Read(const Body& body) const ABSL_LOCKS_EXCLUDED(read_mutex_);

  const std::filesystem::path& data_dir() const { return data_dir_; }

 private:
  Database(std::filesystem::path data_dir, DirectoryLock lock);

  absl::Status WriteOnce(const Body& body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  const std::filesystem::path data_dir_;
  const DirectoryLock lock_;
  absl::Mutex write_mutex_;
  mutable absl::Mutex read_mutex_;
  std::unique_ptr<SQLite::Database> writer_ ABSL_PT_GUARDED_BY(write_mutex_);
  std::unique_ptr<Reserve> reserve_ ABSL_PT_GUARDED_BY(write_mutex_);
  std::unique_ptr<SQLite::Database> reader_ ABSL_PT_GUARDED_BY(read_mutex_);
};

}  // namespace cvxnn::server
