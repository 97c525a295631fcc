// SPDX-License-Identifier: Apache-2.0
// How watchers learn that there is something new without a thread of their own: a callback that only says "look again".
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cvxnn::server {

/// A registered callback. Destroying it (or Cancel) ends the registration and waits for a call in progress, except from
/// inside the callback itself; afterwards the callback is not called again. Do not hold, while destroying it, a lock
/// that the callback takes. Movable. Thread-compatible.
class Subscription {
 public:
  Subscription() = default;
  ~Subscription() { Cancel(); }
  Subscription(Subscription&& other) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;
  void Cancel();

 private:
  friend class SubscriberList;
  class Entry;
  explicit Subscription(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
  std::shared_ptr<Entry> entry_;
};

/// The callbacks to call for one subject. Thread-safe.
class SubscriberList {
 public:
  Subscription Add(std::function<void()> callback) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Calls every callback that is still registered, on the calling thread, without holding a lock of the list.
  void Notify() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<Subscription::Entry>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cvxnn::server
