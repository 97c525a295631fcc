// SPDX-License-Identifier: Apache-2.0
// A few threads for work that must not run on gRPC's own: disk, transforms, prediction.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace cvxnn::server {

/// Runs tasks in the order they came in. Thread-safe.
class WorkerPool {
 public:
  /// `threads` >= 1; at most `most_waiting` tasks wait.
  WorkerPool(int threads, std::size_t most_waiting);
  /// Runs what is waiting, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False, and the task will not run, when too many are waiting.
  [[nodiscard]] bool Submit(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closing_ || !tasks_.empty(); }

  const std::size_t most_waiting_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

}  // namespace cvxnn::server
