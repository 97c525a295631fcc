// SPDX-License-Identifier: Apache-2.0
// Page tokens belong to one list and cannot be made up.
#include "server/store/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace cvxnn::server {
namespace {

TEST(Page, StartsAtTheNewestWithFiftyByDefault) {
  auto start = ParsePageRequest({}, "jobs");
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->size, 50);
  EXPECT_EQ(start->before, std::numeric_limits<std::int64_t>::max());
}

TEST(Page, ContinuesWhereATokenSays) {
  auto start = ParsePageRequest({7, MakePageToken(12345, "jobs")}, "jobs");
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->size, 7);
  EXPECT_EQ(start->before, 12345);
}

TEST(Page, RefusesATokenOfAnotherFilter) {
  auto start = ParsePageRequest({0, MakePageToken(5, "jobs state 1")}, "jobs state 2");
  EXPECT_EQ(start.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(start.status().message()), testing::HasSubstr("page_token"));
}

TEST(Page, RefusesTokensItDidNotGive) {
  for (const char* token : {"x", "5", "5.", ".", "5.00000000", "-1.00000000", "\xff\n", "ffffffffffffffffff.1"}) {
    EXPECT_EQ(ParsePageRequest({0, token}, "jobs").status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST(Page, NamesTheRangeOfPageSizes) {
  EXPECT_EQ(ParsePageRequest({-1, ""}, "jobs").status().message(), "page_size = -1: must be 0 to 1000");
  EXPECT_EQ(ParsePageRequest({1001, ""}, "jobs").status().message(), "page_size = 1001: must be 0 to 1000");
  EXPECT_TRUE(ParsePageRequest({1000, ""}, "jobs").ok());
}

}  // namespace
}  // namespace cvxnn::server
