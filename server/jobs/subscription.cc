// SPDX-License-Identifier: Apache-2.0
// Registration and calling of watchers' callbacks.
#include "server/jobs/subscription.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace cvxnn::server {

// One callback. `mutex` is held during a call, which is what makes Cancel wait for it; `caller` lets a callback cancel
// itself without waiting for its own end.
class Subscription::Entry {
 public:
  explicit Entry(std::function<void()> callback) : callback_(std::move(callback)) {}

  void Call() {
    absl::MutexLock lock(&mutex_);
    if (!active_) return;
    caller_.store(std::this_thread::get_id());
    callback_();
    caller_.store(std::thread::id());
  }

  void Cancel() {
    if (caller_.load() == std::this_thread::get_id()) {
      active_ = false;
      return;
    }
    absl::MutexLock lock(&mutex_);
    active_ = false;
  }

  bool active() const { return active_; }

 private:
  absl::Mutex mutex_;
  std::atomic<std::thread::id> caller_{};
  std::atomic<bool> active_ = true;
  const std::function<void()> callback_;
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

Subscription SubscriberList::Add(std::function<void()> callback) {
  auto entry = std::make_shared<Subscription::Entry>(std::move(callback));
  absl::MutexLock lock(&mutex_);
  entries_.push_back(entry);
  return Subscription(std::move(entry));
}

void SubscriberList::Notify() {
  std::vector<std::shared_ptr<Subscription::Entry>> entries;
  {
    absl::MutexLock lock(&mutex_);
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), [](const auto& entry) { return !entry->active(); }),
                   entries_.end());
    entries = entries_;
  }
  for (const auto& entry : entries) entry->Call();
}

}  // namespace cvxnn::server
