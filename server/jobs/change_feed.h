// SPDX-License-Identifier: Apache-2.0
// Which jobs have changed: what WatchJobs listens to. Each watcher has a set of names, so a job that changes a thousand
// times between two looks is one entry, and a slow watcher needs no more memory than there are jobs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

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

/// Distributes changes of jobs. Thread-safe. Watches may outlive it.
class ChangeFeed {
 public:
  ChangeFeed();
  /// Watches from now on. `on_change` is called on the thread that made a change, when the set turns from empty to
  /// non-empty; it must be quick and must not create, cancel or delete jobs.
  ChangeWatch Watch(std::function<void()> on_change);

  void Publish(const JobChange& change);
  /// Watchers there are now: one that has left takes no memory any more.
  std::size_t watchers() const;

 private:
  friend class ChangeWatch::Pending;
  struct Watches;
  const std::shared_ptr<Watches> watches_;
};

}  // namespace cvxnn::server
