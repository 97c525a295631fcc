// SPDX-License-Identifier: Apache-2.0
// The limits of principals where they are kept: bytes before they are stored, bytes per second while they arrive.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "server/api/caller.h"
#include "server/store/database.h"

namespace cvxnn::server {

/// RESOURCE_EXHAUSTED with a QuotaFailure when the caller's data sets and models and `more` bytes come to more than his
/// quota.
absl::Status CheckBytesQuota(const Database& database, const Caller& caller, std::int64_t more);

/// Evens out the uploads of each principal to his rate. Thread-safe.
class UploadRates {
 public:
  /// For how long the next chunk must wait after these `bytes` came at `now`. A second's worth may come at once.
  absl::Duration Pause(const Caller& caller, std::int64_t bytes, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, absl::Time> even_ ABSL_GUARDED_BY(mutex_);  // when what came will be within the rate
};

}  // namespace cvxnn::server
