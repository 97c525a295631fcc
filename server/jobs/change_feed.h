// SPDX-License-Identifier: Apache-2.0
// Which jobs have changed: what WatchJobs listens to. Each watcher has a set of names, so a job that changes a thousand
// times between two looks is one entry, and a slow watcher needs no more memory than there are jobs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cvxnn::server {

/// A job that is new, has changed or was deleted since the watcher last looked.
struct JobChange {
  std::string name;  ///< "jobs/{job}"
  bool deleted = false;
};

/// One watcher's view of the feed. Thread-safe. Destroying it ends the watch; see Subscription for what that waits for.
class ChangeWatch {
 public:
  virtual ~ChangeWatch() = default;
  /// The jobs changed since the last call, each once, in the order of their first change; empties the set.
  virtual std::vector<JobChange> Take() = 0;
};

/// Distributes changes of jobs. Thread-safe; outlives its watches.
class ChangeFeed {
 public:
  ChangeFeed();
  ~ChangeFeed();

  /// Watches from now on. `on_change` is called on the thread that made a change, when the set turns from empty to
  /// non-empty; it must be quick and must not call into the job manager's writing functions.
  std::unique_ptr<ChangeWatch> Watch(std::function<void()> on_change);

  void Publish(const JobChange& change);

 private:
  class WatchImpl;
  absl::Mutex mutex_;
  std::vector<std::weak_ptr<WatchImpl>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cvxnn::server
