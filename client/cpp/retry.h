// SPDX-License-Identifier: Apache-2.0
// Retries of unary calls. UNAVAILABLE says that the request was not handled or that its answer was lost; calls that may
// be repeated are, after growing pauses (AIP-194).
#pragma once

#include <absl/status/status.h>

#include <functional>
#include <stop_token>

#include "client/cpp/timing.h"

namespace cvxnn::client {

/// How often a call is tried.
struct RetryPolicy {
  int max_attempts = 5;  ///< >= 1; 1 never retries
  BackoffOptions backoff;
};

/// Whether the same call may succeed a moment later.
bool IsTransient(const absl::Status& status);

/// Whether a stream that ended so can be taken up again: transient, or broken in the middle (proxies and dying servers
/// answer INTERNAL with RST_STREAM, UNKNOWN "Stream removed", or CANCELLED that the caller did not ask for).
bool IsBrokenStream(const absl::Status& status);

/// Calls `call` with the number of the attempt (from 1) until it succeeds, fails for good, the attempts are used up or
/// a stop is requested; returns the last status. `call` bounds its own time.
absl::Status RetryUnary(const RetryPolicy& policy, const Timing& timing, const std::stop_token& stop,
                        const std::function<absl::Status(int attempt)>& call);

}  // namespace cvxnn::client
