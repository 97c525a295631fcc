// SPDX-License-Identifier: Apache-2.0
// One attempt of one job: data set, training, models, final state.
#pragma once

#include <atomic>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/training/train.h"
#include "server/devices/memory_admission.h"
#include "server/devices/resident_datasets.h"
#include "server/jobs/live_log.h"
#include "server/jobs/stop_reason.h"
#include "server/store/checkpoint_store.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// What trains: core's training::Train, or a stand-in in tests. Called on a slot's thread; must return soon after the
/// hooks say stop.
using Trainer = std::function<absl::StatusOr<training::Result>(const training::Spec&, const data::Dataset&,
                                                               const training::Hooks&)>;

/// When training may begin.
enum class Begin {
  kAtOnce,        ///< RUNNING is written together with the first epochs
  kOnceRecorded,  ///< after RUNNING is on disk, so that an attempt that ends the process at once is known to the next
};

/// What an attempt needs. All pointers outlive it.
struct JobRunner {
  ModelStore* models = nullptr;
  ResidentDatasets* datasets = nullptr;
  CheckpointStore* checkpoints = nullptr;
  MemoryAdmission* admission = nullptr;  ///< null: every job begins at once
  Trainer trainer;
  absl::Duration checkpoint_interval;  ///< time between checkpoints; 0: only when the job is paused or the server ends
  absl::Duration retention = absl::InfiniteDuration();  ///< see EndJob

  /// Runs the job of `log`, which asked for `device` (its canonical name), to its end and appends everything to the
  /// log: RUNNING, epochs, and the final state with result and models; or QUEUED with the next attempt when it was
  /// stopped by kDrain, or PAUSED. An attempt that follows others goes on from the last checkpoint, and what the log
  /// has already is not appended again. Gives the number of the last record. No failure of the job leaves this function
  /// but as a final state; `stop` is read at every epoch.
  std::int64_t Run(const std::string& device, LiveLog* log, Begin begin, const std::atomic<StopReason>& stop) const;
};

}  // namespace cvxnn::server
