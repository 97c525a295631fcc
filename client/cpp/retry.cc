// SPDX-License-Identifier: Apache-2.0
// Which failures are worth another attempt, and the loop that makes it.
#include "client/cpp/retry.h"

#include <absl/strings/match.h>

namespace cvxnn::client {

bool IsTransient(const absl::Status& status) { return absl::IsUnavailable(status); }

bool IsBrokenStream(const absl::Status& status) {
  if (IsTransient(status) || absl::IsCancelled(status)) return true;
  if (absl::IsInternal(status)) return absl::StrContains(status.message(), "RST_STREAM");
  return absl::IsUnknown(status) && absl::StrContains(status.message(), "Stream removed");
}

absl::Status RetryUnary(const RetryPolicy& policy, const Timing& timing, const std::stop_token& stop,
                        const std::function<absl::Status(int attempt)>& call) {
  Backoff backoff(policy.backoff, timing.random);
  for (int attempt = 1;; ++attempt) {
    absl::Status status = call(attempt);
    if (!IsTransient(status) || attempt >= policy.max_attempts) return status;
    if (!timing.sleep(backoff.Next(), stop)) return status;
  }
}

}  // namespace cvxnn::client
