// SPDX-License-Identifier: Apache-2.0
// The streams that would never end on their own, so that a server that shuts down can end them.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <functional>

namespace cvxnn::server {

/// Registry of ways to end a stream. Thread-safe.
class OpenStreams {
 public:
  /// `end` is called at most once, by EndAll; it must be quick. When EndAll was called already it is called at once.
  /// Returns a number for Remove.
  std::int64_t Add(std::function<void()> end) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(std::int64_t number) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Ends all streams, now and those that come later.
  void EndAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  absl::flat_hash_map<std::int64_t, std::function<void()>> ends_ ABSL_GUARDED_BY(mutex_);
  std::int64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cvxnn::server
