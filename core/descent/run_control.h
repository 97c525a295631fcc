// SPDX-License-Identifier: Apache-2.0
// What the batches of a run share: its clock, its limits, and the caller's observers.
#pragma once

#include <chrono>
#include <optional>

#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Not thread-safe.
class RunControl {
 public:
  /// `max_seconds`: 0 for no limit. Both must outlive it.
  RunControl(const Observers& observers, double max_seconds) : observers_(observers), max_seconds_(max_seconds) {}

  /// Seconds of training.
  double Seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// Why training is to end now, if it is.
  std::optional<Ending> Interrupted() const {
    if (observers_.should_stop && observers_.should_stop()) return Ending::kStopped;
    if (max_seconds_ > 0 && Seconds() >= max_seconds_) return Ending::kTimeLimit;
    return std::nullopt;
  }

  /// Delivers a report; false when the observer wants no more.
  bool Report(const EpochReport& report) { return !observers_.on_epoch || observers_.on_epoch(report); }

 private:
  using Clock = std::chrono::steady_clock;

  const Clock::time_point start_ = Clock::now();
  const Observers& observers_;
  double max_seconds_;
};

}  // namespace cvxnn::descent
