// SPDX-License-Identifier: Apache-2.0
// The highest priority first, then first come, first served, per device.
#include "server/jobs/job_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace cvxnn::server {
namespace {

TEST(JobQueue, GivesTheOldestOfADevice) {
  JobQueue queue;
  queue.Push("cpu", {0, 3}, "c");
  queue.Push("cpu", {0, 1}, "a");
  queue.Push("cuda:0", {0, 2}, "b");
  EXPECT_EQ(queue.size(), 3);
  EXPECT_EQ(queue.Pop("cpu"), "a");
  EXPECT_EQ(queue.Pop("cpu"), "c");
  EXPECT_EQ(queue.Pop("cpu"), std::nullopt);
  EXPECT_TRUE(queue.IsEmpty("cpu"));
  EXPECT_FALSE(queue.IsEmpty("cuda:0"));
  EXPECT_EQ(queue.size(), 1);
}

TEST(JobQueue, GivesTheHighestPriorityBeforeTheOldest) {
  JobQueue queue;
  queue.Push("cpu", {-5, 1}, "last");
  queue.Push("cpu", {0, 2}, "third");
  queue.Push("cpu", {7, 4}, "second");
  queue.Push("cpu", {7, 3}, "first");
  EXPECT_EQ(queue.Position("cpu", {-5, 1}), 3);
  for (const char* job : {"first", "second", "third", "last"}) EXPECT_EQ(queue.Pop("cpu"), job);
}

TEST(JobQueue, CountsHowManyAreAhead) {
  JobQueue queue;
  for (int i = 0; i < 4; ++i) queue.Push("cpu", {0, i}, std::string(1, static_cast<char>('a' + i)));
  queue.Push("cuda:0", {0, 9}, "z");
  EXPECT_TRUE(queue.Remove("cpu", {0, 1}));
  EXPECT_FALSE(queue.Remove("cpu", {0, 1}));
  EXPECT_EQ(queue.Position("cpu", {0, 0}), 0);
  EXPECT_EQ(queue.Position("cpu", {0, 3}), 2);
  EXPECT_EQ(queue.Position("cuda:0", {0, 9}), 0);
  EXPECT_EQ(queue.Position("cuda:1", {0, 9}), 0);
}

TEST(JobQueue, AgreesWithASortedList) {
  std::mt19937 random(7);
  std::vector<QueuePlace> places;
  JobQueue queue;
  for (int number = 0; number < 500; ++number) {
    places.push_back({static_cast<std::int32_t>(random() % 7) - 3, number});
    queue.Push("cpu", places.back(), std::to_string(number));
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const QueuePlace& a, const QueuePlace& b) { return a.priority > b.priority; });
  for (std::size_t i = 0; i < places.size(); ++i) {
    ASSERT_EQ(queue.Position("cpu", places[i]), static_cast<std::int32_t>(i));
  }
  for (const QueuePlace& place : places) ASSERT_EQ(queue.Pop("cpu"), std::to_string(place.number));
}

TEST(JobQueue, GivesAReturningJobItsPlaceBack) {
  JobQueue queue;
  queue.Push("cpu", {0, 1}, "a");
  queue.Push("cpu", {0, 2}, "b");
  queue.Pop("cpu");
  queue.Push("cpu", {0, 1}, "a");
  EXPECT_EQ(queue.Pop("cpu"), "a");
}

}  // namespace
}  // namespace cvxnn::server
