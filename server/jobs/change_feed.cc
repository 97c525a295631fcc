// SPDX-License-Identifier: Apache-2.0
// Sets of changed jobs, one per watcher.
#include "server/jobs/change_feed.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace cvxnn::server {

struct ChangeFeed::Watches {
  std::atomic<std::int64_t> next_number = 0;
  absl::Mutex mutex;
  std::map<std::int64_t, std::weak_ptr<ChangeWatch::Pending>> by_number ABSL_GUARDED_BY(mutex);
};

// The names that a watcher has still to take.
class ChangeWatch::Pending {
 public:
  Pending(std::weak_ptr<ChangeFeed::Watches> feed, std::int64_t number) : feed_(std::move(feed)), number_(number) {}
  ~Pending() {
    if (const auto feed = feed_.lock()) {
      absl::MutexLock lock(&feed->mutex);
      feed->by_number.erase(number_);
    }
  }

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
  const std::weak_ptr<ChangeFeed::Watches> feed_;
  const std::int64_t number_;
};

ChangeWatch::ChangeWatch(std::shared_ptr<Pending> pending, Subscription subscription)
    : pending_(std::move(pending)), subscription_(std::move(subscription)) {}

std::vector<JobChange> ChangeWatch::Take() { return pending_->Take(); }

ChangeFeed::ChangeFeed() : watches_(std::make_shared<Watches>()) {}

ChangeWatch ChangeFeed::Watch(std::function<void()> on_change) {
  const std::int64_t number = watches_->next_number++;
  auto pending = std::make_shared<ChangeWatch::Pending>(watches_, number);
  // Before the first change can come.
  Subscription subscription = pending->Subscribe(std::move(on_change));
  absl::MutexLock lock(&watches_->mutex);
  watches_->by_number[number] = pending;
  return ChangeWatch(std::move(pending), std::move(subscription));
}

void ChangeFeed::Publish(const JobChange& change) {
  std::vector<std::shared_ptr<ChangeWatch::Pending>> watches;
  {
    absl::MutexLock lock(&watches_->mutex);
    for (const auto& [number, watch] : watches_->by_number) {
      if (auto alive = watch.lock()) watches.push_back(std::move(alive));
    }
  }
  for (const auto& watch : watches) watch->Add(change);
}

std::size_t ChangeFeed::watchers() const {
  absl::MutexLock lock(&watches_->mutex);
  return watches_->by_number.size();
}

}  // namespace cvxnn::server
