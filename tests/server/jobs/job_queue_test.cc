// SPDX-License-Identifier: Apache-2.0
// First come, first served, per device.
#include "server/jobs/job_queue.h"

#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

TEST(JobQueue, GivesTheOldestOfADevice) {
  JobQueue queue;
  queue.Push("cpu", 3, "c");
  queue.Push("cpu", 1, "a");
  queue.Push("cuda:0", 2, "b");
  EXPECT_EQ(queue.size(), 3);
  EXPECT_EQ(queue.Pop("cpu"), "a");
  EXPECT_EQ(queue.Pop("cpu"), "c");
  EXPECT_EQ(queue.Pop("cpu"), std::nullopt);
  EXPECT_TRUE(queue.IsEmpty("cpu"));
  EXPECT_FALSE(queue.IsEmpty("cuda:0"));
  EXPECT_EQ(queue.size(), 1);
}

TEST(JobQueue, CountsHowManyAreAhead) {
  JobQueue queue;
  for (int i = 0; i < 4; ++i) queue.Push("cpu", i, std::string(1, static_cast<char>('a' + i)));
  queue.Push("cuda:0", 9, "z");
  EXPECT_TRUE(queue.Remove("cpu", 1));
  EXPECT_FALSE(queue.Remove("cpu", 1));
  EXPECT_EQ(queue.Position("cpu", 0), 0);
  EXPECT_EQ(queue.Position("cpu", 3), 2);
  EXPECT_EQ(queue.Position("cuda:0", 9), 0);
  const auto positions = queue.Positions();
  EXPECT_EQ(positions.at("a"), 0);
  EXPECT_EQ(positions.at("c"), 1);
  EXPECT_EQ(positions.at("d"), 2);
  EXPECT_EQ(positions.at("z"), 0);
  EXPECT_EQ(positions.size(), 4U);
}

TEST(JobQueue, GivesAReturningJobItsPlaceBack) {
  JobQueue queue;
  queue.Push("cpu", 1, "a");
  queue.Push("cpu", 2, "b");
  queue.Pop("cpu");
  queue.Push("cpu", 1, "a");
  EXPECT_EQ(queue.Pop("cpu"), "a");
}

}  // namespace
}  // namespace cvxnn::server
