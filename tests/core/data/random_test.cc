// SPDX-License-Identifier: Apache-2.0
// Tests of the random stream: its statistics, and its numbers against the standard's own generator.
#include "core/data/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace cvxnn::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RandomStream, TakesTheTopBitsOfTheStandardGenerator) {
  std::mt19937_64 engine(42);
  RandomStream random(42);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.Uniform(), std::ldexp(static_cast<double>(engine() >> 11), -53));
}

TEST(RandomStream, HasNormalMoments) {
  RandomStream random(1);
  constexpr int kDraws = 100'000;
  double sum = 0;
  double squares = 0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Normal();
    sum += x;
    squares += x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1, 0.03);
  EXPECT_NEAR(static_cast<double>(beyond_two) / kDraws, std::erfc(std::sqrt(2.0)), 0.004);
}

TEST(RandomStream, DrawsEveryNumberBelowTheBoundEquallyOften) {
  RandomStream random(2);
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 60'000; ++i) ++counts[random.Below(6)];
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 10'000, 500) << value;
  EXPECT_EQ(random.Below(1), 0U);
}

TEST(RandomStream, SamplesEverySubsetEquallyOften) {
  RandomStream random(3);
  std::map<std::vector<std::int64_t>, int> counts;
  for (int i = 0; i < 30'000; ++i) ++counts[random.SampleSorted(4, 2)];
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [subset, count] : counts) {
    EXPECT_NEAR(count, 5000, 400);
    EXPECT_LT(subset[0], subset[1]);
  }
}

TEST(RandomStream, SamplesNothingAndEverything) {
  RandomStream random(4);
  EXPECT_THAT(random.SampleSorted(5, 0), IsEmpty());
  EXPECT_THAT(random.SampleSorted(0, 0), IsEmpty());
  EXPECT_THAT(random.SampleSorted(3, 3), ElementsAre(0, 1, 2));
}

TEST(StreamOf, GivesOtherNumbersForEverySeedPurposeTrialAndEpoch) {
  const auto first = [](RandomStream stream) { return stream.Below(std::uint64_t{1} << 62); };
  const std::vector<std::uint64_t> draws = {first(RandomStream(0)),
                                            first(StreamOf(0, StreamPurpose::kPatternGates)),
                                            first(StreamOf(1, StreamPurpose::kPatternGates)),
                                            first(StreamOf(0, StreamPurpose::kSubsetRows)),
                                            first(StreamOf(0, StreamPurpose::kSplitRows)),
                                            first(StreamOf(0, StreamPurpose::kRowOrder)),
                                            first(StreamOf(0, StreamPurpose::kRowOrder, 1)),
                                            first(StreamOf(0, StreamPurpose::kRowOrder, 0, 1))};
  EXPECT_EQ(std::set<std::uint64_t>(draws.begin(), draws.end()).size(), draws.size());
  EXPECT_EQ(first(StreamOf(7, StreamPurpose::kRowOrder, 2, 3)), first(StreamOf(7, StreamPurpose::kRowOrder, 2, 3)));
}

}  // namespace
}  // namespace cvxnn::data
