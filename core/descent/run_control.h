// SPDX-License-Identifier: Apache-2.0
// What the batches of a run share: its clock, its limits, the caller's observers and how much they were told.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "core/descent/checkpoint.h"
#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Not thread-safe.
class RunControl {
 public:
  /// `max_seconds`: 0 for no limit. `observers` must outlive it.
  RunControl(const Observers& observers, double max_seconds) : observers_(observers), max_seconds_(max_seconds) {}

  /// What earlier attempts took and reported.
  void Resume(double seconds, std::int64_t reports) {
    earlier_seconds_ = seconds;
    reports_ = reports;
  }

  /// Seconds of training.
  double Seconds() const { return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// Why training is to end now, if it is.
  std::optional<Ending> Interrupted() const {
    if (observers_.should_stop && observers_.should_stop()) return Ending::kStopped;
    if (max_seconds_ > 0 && Seconds() >= max_seconds_) return Ending::kTimeLimit;
    return std::nullopt;
  }

  /// Delivers a report; false when the observer wants no more.
  bool Report(const EpochReport& report) {
    ++reports_;
    return !observers_.on_epoch || observers_.on_epoch(report);
  }
  std::int64_t reports() const { return reports_; }

  bool takes_snapshots() const { return static_cast<bool>(observers_.on_snapshot); }
  absl::Status GiveSnapshot(const Trial& trial) const { return observers_.on_snapshot(trial); }

  bool CheckpointDue() const {
    return observers_.save_checkpoint && observers_.checkpoint_due && observers_.checkpoint_due();
  }
  /// Gives the caller a checkpoint of the run with this state of the batch in training.
  void Save(State batch) const { save(std::move(batch)); }
  /// Set by the run.
  std::function<void(State)> save;

 private:
  using Clock = std::chrono::steady_clock;

  const Clock::time_point start_ = Clock::now();
  const Observers& observers_;
  double max_seconds_;
  double earlier_seconds_ = 0;
  std::int64_t reports_ = 0;
};

}  // namespace cvxnn::descent
