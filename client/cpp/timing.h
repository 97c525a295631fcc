// SPDX-License-Identifier: Apache-2.0
// Time as the retrying parts of the client see it: a clock, a sleep that can be cut short, and the growing pauses
// between attempts. Injected, so that tests run without waiting.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <stop_token>

namespace cvxnn::client {

/// Where time comes from. The default is the real clock.
struct Timing {
  std::function<absl::Time()> now;
  /// Sleeps; returns early, with false, once a stop is requested.
  std::function<bool(absl::Duration, const std::stop_token&)> sleep;
  /// Uniform on [0, 1): spreads clients that lost the same server over time.
  std::function<double()> random;

  static Timing Real();
};

/// Bounds of the pauses between attempts.
struct BackoffOptions {
  absl::Duration initial = absl::Milliseconds(100);  ///< > 0
  absl::Duration maximum = absl::Seconds(5);         ///< >= initial
  double multiplier = 2.0;                           ///< >= 1
};

/// Pauses that grow by `multiplier` up to `maximum`, each shortened at random by up to a half. Not thread-safe.
class Backoff {
 public:
  Backoff(const BackoffOptions& options, std::function<double()> random)
      : options_(options), random_(std::move(random)), next_(options.initial) {}

  /// The pause before the next attempt.
  absl::Duration Next();
  /// Starts again from `initial`: what was tried has worked.
  void Reset() { next_ = options_.initial; }

 private:
  BackoffOptions options_;
  std::function<double()> random_;
  absl::Duration next_;
};

}  // namespace cvxnn::client
