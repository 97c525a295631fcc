// SPDX-License-Identifier: Apache-2.0
// A callback is called while it is registered and never afterwards.
#include "server/jobs/subscription.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "absl/synchronization/notification.h"

namespace cvxnn::server {
namespace {

TEST(Subscription, CallsEverySubscriberUntilItLeaves) {
  SubscriberList list;
  int one = 0;
  int two = 0;
  Subscription first = list.Add([&] { ++one; });
  {
    Subscription second = list.Add([&] { ++two; });
    list.Notify();
  }
  list.Notify();
  EXPECT_EQ(one, 2);
  EXPECT_EQ(two, 1);
}

TEST(Subscription, MayCancelItselfFromItsCallback) {
  SubscriberList list;
  int calls = 0;
  Subscription subscription;
  subscription = list.Add([&] {
    ++calls;
    subscription.Cancel();
  });
  list.Notify();
  list.Notify();
  EXPECT_EQ(calls, 1);
}

TEST(Subscription, LeavesNothingBehindThoughNobodyNotifies) {
  SubscriberList list;
  const Subscription stays = list.Add([] {});
  for (int i = 0; i < 1000; ++i) list.Add([] {});
  EXPECT_EQ(list.size(), 1U);
}

TEST(Subscription, MayOutliveItsList) {
  Subscription subscription;
  {
    SubscriberList list;
    subscription = list.Add([] {});
  }
  subscription.Cancel();
}

TEST(Subscription, CancelWaitsForACallInProgress) {
  SubscriberList list;
  absl::Notification entered;
  std::atomic<bool> left = false;
  Subscription subscription = list.Add([&] {
    entered.Notify();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    left = true;
  });
  std::jthread notifier([&] { list.Notify(); });
  entered.WaitForNotification();
  subscription.Cancel();
  EXPECT_TRUE(left);
}

TEST(Subscription, MovesWithItsRegistration) {
  SubscriberList list;
  int calls = 0;
  std::optional<Subscription> outer;
  {
    Subscription inner = list.Add([&] { ++calls; });
    outer.emplace(std::move(inner));
  }
  list.Notify();
  outer.reset();
  list.Notify();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace cvxnn::server
