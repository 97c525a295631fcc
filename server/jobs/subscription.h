// SPDX-License-Identifier: Apache-2.0
// How watchers learn that there is something new without a thread of their own: a callback that only says "look again".
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

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

/// The callbacks to call for one subject. Thread-safe. Subscriptions may outlive it.
class SubscriberList {
 public:
  SubscriberList();
  Subscription Add(std::function<void()> callback);
  /// Calls every callback that is still registered, on the calling thread, without holding a lock of the list.
  void Notify();
  /// Callbacks that are registered now: one that was cancelled takes no memory any more.
  std::size_t size() const;

 private:
  friend class Subscription::Entry;
  struct Entries;
  const std::shared_ptr<Entries> entries_;
};

}  // namespace cvxnn::server
