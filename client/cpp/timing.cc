// SPDX-License-Identifier: Apache-2.0
// The real clock, and the growth of pauses.
#include "client/cpp/timing.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

namespace cvxnn::client {

Timing Timing::Real() {
  return {
      [] { return absl::Now(); },
      [](absl::Duration pause, const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, absl::ToChronoNanoseconds(pause), [] { return false; });
        return !stop.stop_requested();
      },
      [] {
        thread_local std::mt19937_64 engine(std::random_device{}());
        return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
      },
  };
}

absl::Duration Backoff::Next() {
  const absl::Duration pause = next_ * (1.0 - 0.5 * random_());
  next_ = std::min(next_ * options_.multiplier, options_.maximum);
  return pause;
}

}  // namespace cvxnn::client
