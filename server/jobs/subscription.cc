// SPDX-License-Identifier: Apache-2.0
// Registration and calling of watchers' callbacks.
#include "server/jobs/subscription.h"

#include <atomic>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cvxnn::server {

// What a list and the entries of its subscriptions share.
struct SubscriberList::Entries {
  absl::Mutex mutex;
  std::int64_t next_number ABSL_GUARDED_BY(mutex) = 0;
  std::map<std::int64_t, std::shared_ptr<Subscription::Entry>> by_number ABSL_GUARDED_BY(mutex);  // in order of adding
};

// One callback. `mutex` is held during a call, which is what makes Cancel wait for it; `caller` lets a callback cancel
// itself without waiting for its own end.
class Subscription::Entry {
 public:
  Entry(std::function<void()> callback, std::weak_ptr<SubscriberList::Entries> list, std::int64_t number)
      : callback_(std::move(callback)), list_(std::move(list)), number_(number) {}

  void Call() {
    absl::MutexLock lock(&mutex_);
    if (!active_) return;
    caller_.store(std::this_thread::get_id());
    callback_();
    caller_.store(std::thread::id());
  }

  void Cancel() {
    if (const auto list = list_.lock()) {
      absl::MutexLock lock(&list->mutex);
      list->by_number.erase(number_);
    }
    if (caller_.load() == std::this_thread::get_id()) {
      active_ = false;
      return;
    }
    absl::MutexLock lock(&mutex_);
    active_ = false;
  }

 private:
  absl::Mutex mutex_;
  std::atomic<std::thread::id> caller_{};
  std::atomic<bool> active_ = true;
  const std::function<void()> callback_;
  const std::weak_ptr<SubscriberList::Entries> list_;
  const std::int64_t number_;
};

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Cancel();
    entry_ = std::move(other.entry_);
  }
  return *this;
}

void Subscription::Cancel() {
  if (entry_ != nullptr) entry_->Cancel();
  entry_ = nullptr;
}

SubscriberList::SubscriberList() : entries_(std::make_shared<Entries>()) {}

Subscription SubscriberList::Add(std::function<void()> callback) {
  absl::MutexLock lock(&entries_->mutex);
  const std::int64_t number = entries_->next_number++;
  auto entry = std::make_shared<Subscription::Entry>(std::move(callback), entries_, number);
  entries_->by_number[number] = entry;
  return Subscription(std::move(entry));
}

void SubscriberList::Notify() {
  std::vector<std::shared_ptr<Subscription::Entry>> entries;
  {
    absl::MutexLock lock(&entries_->mutex);
    for (const auto& [number, entry] : entries_->by_number) entries.push_back(entry);
  }
  for (const auto& entry : entries) entry->Call();
}

std::size_t SubscriberList::size() const {
  absl::MutexLock lock(&entries_->mutex);
  return entries_->by_number.size();
}

}  // namespace cvxnn::server
