// SPDX-License-Identifier: Apache-2.0
// Sets of changed jobs, one per watcher.
#include "server/jobs/change_feed.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace cvxnn::server {

// The names that a watcher has still to take.
class ChangeWatch::Pending {
 public:
  void Add(const JobChange& change) {
    bool was_empty = false;
    {
      absl::MutexLock lock(&mutex_);
      was_empty = changes_.empty();
      const auto [found, inserted] = index_.try_emplace(change.name, changes_.size());
      if (inserted) {
        changes_.push_back(change);
      } else {
        // Names are never used again, so deleted stays deleted.
        changes_[found->second].deleted |= change.deleted;
      }
    }
    if (was_empty) subscribers_.Notify();
  }

  std::vector<JobChange> Take() {
    absl::MutexLock lock(&mutex_);
    index_.clear();
    return std::exchange(changes_, {});
  }

  Subscription Subscribe(std::function<void()> callback) { return subscribers_.Add(std::move(callback)); }

 private:
  absl::Mutex mutex_;
  std::vector<JobChange> changes_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::size_t> index_ ABSL_GUARDED_BY(mutex_);
  SubscriberList subscribers_;
};

ChangeWatch::ChangeWatch(std::shared_ptr<Pending> pending, Subscription subscription)
    : pending_(std::move(pending)), subscription_(std::move(subscription)) {}

std::vector<JobChange> ChangeWatch::Take() { return pending_->Take(); }

ChangeWatch ChangeFeed::Watch(std::function<void()> on_change) {
  auto pending = std::make_shared<ChangeWatch::Pending>();
  Subscription subscription = pending->Subscribe(std::move(on_change));
  absl::MutexLock lock(&mutex_);
  watches_.push_back(pending);
  return ChangeWatch(std::move(pending), std::move(subscription));
}

void ChangeFeed::Publish(const JobChange& change) {
  std::vector<std::shared_ptr<ChangeWatch::Pending>> watches;
  {
    absl::MutexLock lock(&mutex_);
    watches_.erase(std::remove_if(watches_.begin(), watches_.end(), [](const auto& watch) { return watch.expired(); }),
                   watches_.end());
    for (const auto& watch : watches_) {
      if (auto alive = watch.lock()) watches.push_back(std::move(alive));
    }
  }
  for (const auto& watch : watches) watch->Add(change);
}

}  // namespace cvxnn::server
