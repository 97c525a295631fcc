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
#include "server/jobs/subscription.h"

namespace cvxnn::server {

/// A job that is new, has changed or was deleted since the watcher last looked.
struct JobChange {
  std::string name;  ///< "jobs/{job}"
  bool deleted = false;
};

/// One watcher's view of the feed. Thread-safe. Destroying it ends the watch; see Subscription for what that waits for.
class ChangeWatch {
 public:
  /// The jobs changed since the last call, each once, in the order of their first change; empties the set.
  std::vector<JobChange> Take();

 private:
  friend class ChangeFeed;
  class Pending;
  ChangeWatch(std::shared_ptr<Pending> pending, Subscription subscription);

  std::shared_ptr<Pending> pending_;
  Subscription subscription_;
};

/// Distributes changes of jobs. Thread-safe.
class ChangeFeed {
 public:
  /// Watches from now on. `on_change` is called on the thread that made a change, when the set turns from empty to
  /// non-empty; it must be quick and must not create, cancel or delete jobs.
  ChangeWatch Watch(std::function<void()> on_change) ABSL_LOCKS_EXCLUDED(mutex_);

  void Publish(const JobChange& change) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  std::vector<std::weak_ptr<ChangeWatch::Pending>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cvxnn::server
