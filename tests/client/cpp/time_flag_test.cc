// SPDX-License-Identifier: Apache-2.0
// Times and lengths of time as people write them.
#include "client/cpp/command/time_flag.h"

#include <gtest/gtest.h>

namespace cvxnn::command {
namespace {

TEST(TimeFlag, ReadsLengths) {
  EXPECT_EQ(ParseLength("90s"), absl::Seconds(90));
  EXPECT_EQ(ParseLength("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseLength("7d"), absl::Hours(168));
  EXPECT_EQ(ParseLength("1d2h"), absl::Hours(26));
  EXPECT_EQ(ParseLength("0.5s"), absl::Milliseconds(500));
  for (const char* wrong : {"", "5", "s", "-5s", "+5s", "0s", "inf", "1h1d", "1.5d", "9999999d", "5 s", "1d1"}) {
    EXPECT_EQ(ParseLength(wrong), std::nullopt) << wrong;
  }
}

TEST(TimeFlag, ReadsMoments) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(ParseMoment("2m", now), absl::FromUnixSeconds(1120));
  EXPECT_EQ(ParseMoment("1970-01-02T00:00:00Z", now), absl::FromUnixSeconds(86400));
  EXPECT_EQ(ParseMoment("1970-01-02T01:00:00.25+01:00", now), absl::FromUnixMillis(86400250));
  for (const char* wrong : {"", "tomorrow", "1970-01-02", "infinite-future", "-2m"}) {
    EXPECT_EQ(ParseMoment(wrong, now), std::nullopt) << wrong;
  }
}

TEST(TimeFlag, WritesMessages) {
  EXPECT_EQ(ToMessage(absl::Milliseconds(2500)).seconds(), 2);
  EXPECT_EQ(ToMessage(absl::Milliseconds(2500)).nanos(), 500'000'000);
  EXPECT_EQ(ToMessage(absl::FromUnixMillis(86400250)).seconds(), 86400);
  EXPECT_EQ(ToMessage(absl::FromUnixMillis(86400250)).nanos(), 250'000'000);
}

}  // namespace
}  // namespace cvxnn::command
