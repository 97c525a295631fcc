// SPDX-License-Identifier: Apache-2.0
// Names picked by the server fit the contract's rule and do not repeat.
#include "server/store/random_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cvxnn::server {
namespace {

TEST(RandomId, IsALetterFollowedByElevenLettersOrDigits) {
  for (int i = 0; i < 100; ++i) EXPECT_THAT(RandomId(), testing::MatchesRegex("[a-z][a-z2-7]{11}"));
}

TEST(RandomId, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(seen.insert(RandomId()).second);
}

}  // namespace
}  // namespace cvxnn::server
