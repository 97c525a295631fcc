// SPDX-License-Identifier: Apache-2.0
// Watchers get each changed job once however often it changed.
#include "server/jobs/change_feed.h"

#include <gtest/gtest.h>

#include <optional>

namespace cvxnn::server {
namespace {

TEST(ChangeFeed, JoinsChangesOfOneJobUntilTaken) {
  ChangeFeed feed;
  int calls = 0;
  ChangeWatch watch = feed.Watch([&] { ++calls; });
  for (int i = 0; i < 1000; ++i) feed.Publish({"jobs/a", false});
  feed.Publish({"jobs/b", false});
  EXPECT_EQ(calls, 1);
  const auto changes = watch.Take();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].name, "jobs/a");
  EXPECT_EQ(changes[1].name, "jobs/b");
  EXPECT_TRUE(watch.Take().empty());
  feed.Publish({"jobs/a", false});
  EXPECT_EQ(calls, 2);
}

TEST(ChangeFeed, KeepsADeletionThatFollowsAChange) {
  ChangeFeed feed;
  ChangeWatch watch = feed.Watch([] {});
  feed.Publish({"jobs/a", false});
  feed.Publish({"jobs/a", true});
  const auto changes = watch.Take();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].deleted);
}

TEST(ChangeFeed, ServesWatchersIndependently) {
  ChangeFeed feed;
  ChangeWatch early = feed.Watch([] {});
  feed.Publish({"jobs/a", false});
  std::optional<ChangeWatch> late = feed.Watch([] {});
  feed.Publish({"jobs/b", false});
  EXPECT_EQ(early.Take().size(), 2U);
  EXPECT_EQ(late->Take().size(), 1U);
  late.reset();
  feed.Publish({"jobs/c", false});
  EXPECT_EQ(early.Take().size(), 1U);
}

TEST(ChangeFeed, ForgetsWatchersThatLeftThoughNothingChanges) {
  ChangeFeed feed;
  const ChangeWatch stays = feed.Watch([] {});
  for (int i = 0; i < 1000; ++i) feed.Watch([] {});
  EXPECT_EQ(feed.watchers(), 1U);
}

TEST(ChangeFeed, LetsTheCallbackTake) {
  ChangeFeed feed;
  std::vector<std::string> seen;
  std::optional<ChangeWatch> watch;
  watch = feed.Watch([&] {
    for (const JobChange& change : watch->Take()) seen.push_back(change.name);
  });
  feed.Publish({"jobs/a", false});
  feed.Publish({"jobs/a", false});
  EXPECT_EQ(seen, (std::vector<std::string>{"jobs/a", "jobs/a"}));
}

}  // namespace
}  // namespace cvxnn::server
