// SPDX-License-Identifier: Apache-2.0
// Checkpoints of one attempt: what it goes on from, when the next is due, and how it is saved so that the log and the
// models on the way are never behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "core/training/train.h"
#include "server/jobs/live_log.h"
#include "server/jobs/snapshot_keeper.h"
#include "server/jobs/stop_reason.h"
#include "server/store/checkpoint_store.h"

namespace cvxnn::server {

/// What an attempt begins with.
struct AttemptStart {
  std::optional<StoredCheckpoint> checkpoint;
  std::string reason = {};       ///< for the log: where the attempt begins, and why there; empty for the first attempt
  absl::Status unreadable = {};  ///< there is a checkpoint, and the system would not read it just now
};

/// Reads the checkpoint of a job whose log has `epochs` epochs; one that is damaged or ahead of the log is not used.
AttemptStart StartOfAttempt(const CheckpointStore& store, const v1::Job& job, std::int64_t epochs);

/// On the training thread. All pointers outlive it.
class CheckpointKeeper {
 public:
  CheckpointKeeper(CheckpointStore* store, LiveLog* log, SnapshotKeeper* snapshots, std::string dataset_uid,
                   absl::Duration interval, const std::atomic<StopReason>* stop);

  /// Whether training should give its state now: when the interval is over, and when another attempt will go on; never
  /// when the job is being cancelled. Cheap.
  bool Due() const;
  /// A failure (a full disk) is logged, and the checkpoint before is kept.
  void Save(training::Checkpoint checkpoint);

 private:
  absl::Status Write(training::Checkpoint checkpoint);
  bool LeavesToNext() const;

  CheckpointStore* const store_;
  LiveLog* const log_;
  SnapshotKeeper* const snapshots_;
  const std::string dataset_uid_;
  const absl::Duration interval_;
  const std::atomic<StopReason>* const stop_;
  absl::Time next_;
};

}  // namespace cvxnn::server
