// SPDX-License-Identifier: Apache-2.0
// Where training has got to, one file a job in <data_dir>/checkpoints: written aside, synced and renamed, so that the
// last one is there or the one before it, and checked when it is read. A checkpoint lives as long as its job may go on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace cvxnn::server {

/// What an attempt leaves to the next one.
struct StoredCheckpoint {
  std::string dataset_uid;   ///< of the data set it trained on
  std::int64_t reports = 0;  ///< epochs reported up to here, by all attempts
  std::string state;         ///< training's own, opaque
};

/// Thread-safe for different jobs.
class CheckpointStore {
 public:
  /// Sweeps what interrupted writes left.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> Open(std::shared_ptr<Database> database);

  /// Replaces the job's checkpoint. RESOURCE_EXHAUSTED when the disk is full; on any error the one before is kept.
  absl::Status Write(const std::string& job, const StoredCheckpoint& checkpoint);
  /// NOT_FOUND: the job has none. DATA_LOSS naming the file when it is damaged or the disk fails; what else the system
  /// says of the file it says as other codes.
  absl::StatusOr<StoredCheckpoint> Read(const std::string& job) const;
  /// Nothing when the job has none.
  void Remove(const std::string& job);
  /// Removes the checkpoints of all jobs but these.
  void RemoveOthers(const absl::flat_hash_set<std::string>& jobs);

 private:
  explicit CheckpointStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}
  std::filesystem::path Folder() const;
  std::filesystem::path PathOf(const std::string& job) const;

  const std::shared_ptr<Database> database_;
};

}  // namespace cvxnn::server
