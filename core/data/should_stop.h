// SPDX-License-Identifier: Apache-2.0
// How long work on data is ended early: a question asked between blocks of work, whose first yes is remembered.
#pragma once

#include <absl/status/status.h>

#include <functional>
#include <utility>

namespace cvxnn::data {

/// Asked on the working thread between blocks of work; true ends it with CANCELLED. Must be cheap and must not throw.
/// Empty: never.
using ShouldStop = std::function<bool()>;

/// Not thread-safe.
class StopFlag {
 public:
  explicit StopFlag(ShouldStop should_stop) : should_stop_(std::move(should_stop)) {}

  /// Asks, unless the answer was yes before. Loops end when it is, and their caller returns status().
  bool Poll() {
    stopped_ = stopped_ || (should_stop_ && should_stop_());
    return stopped_;
  }
  /// CANCELLED once stopped. Does not ask.
  absl::Status status() const { return stopped_ ? absl::CancelledError("stopped on request") : absl::OkStatus(); }

 private:
  ShouldStop should_stop_;
  bool stopped_ = false;
};

}  // namespace cvxnn::data
