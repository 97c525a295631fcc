// SPDX-License-Identifier: Apache-2.0
// Patterns of given gates, against patterns that NumPy found for the stored oracle's.
#include "core/patterns/distinct.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/core/convex/oracle_cases.h"

namespace cvxnn {
namespace {

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble);

TEST(PatternsOfGates, AreThoseOfTheOracleInItsOrder) {
  for (const auto& oracle : convex::ReadOracleCases(at::kDouble)) {
    const auto& [mask, gates] = oracle.program.patterns;
    // The oracle dropped repeated patterns; here they come back behind.
    const auto patterns = PatternsOfGates(oracle.program.features, at::cat({gates, gates.mul(2)}, 1));
    ASSERT_TRUE(patterns.ok());
    EXPECT_TRUE(at::equal(patterns->mask, mask)) << oracle.name;
    EXPECT_TRUE(at::equal(patterns->gates, gates)) << oracle.name;
  }
}

TEST(PatternsOfGates, DropThoseActiveNowhere) {
  const at::Tensor features = at::ones({3, 1}, kDouble);
  const auto patterns = PatternsOfGates(features, at::tensor({-1.0, 2.0, -3.0, 4.0}, kDouble).unsqueeze(0));
  ASSERT_TRUE(patterns.ok());
  ASSERT_EQ(patterns->count(), 1);
  EXPECT_EQ(patterns->gates.item<double>(), 2);
  EXPECT_EQ(PatternsOfGates(features, at::full({1, 2}, -1, kDouble))->count(), 0);
}

TEST(PatternsOfGates, StopWhenAsked) {
  const at::Tensor ones = at::ones({2, 2}, kDouble);
  EXPECT_EQ(PatternsOfGates(ones, ones, [] { return true; }).status().code(), absl::StatusCode::kCancelled);
}

TEST(DistinctPatterns, OfSeveralBlocksAreThoseOfOne) {
  const at::Tensor features = at::arange(60, kDouble).mul(1.7).sin().view({20, 3});
  const at::Tensor gates = at::arange(90, kDouble).mul(2.3).cos().view({3, 30});
  DistinctPatterns blocks(features);
  for (std::int64_t begin = 0; begin < 30; begin += 7)
    blocks.Add(gates.narrow(1, begin, std::min<std::int64_t>(7, 30 - begin)));
  const auto at_once = PatternsOfGates(features, gates);
  ASSERT_TRUE(at_once.ok());
  EXPECT_TRUE(at::equal(blocks.Joined().mask, at_once->mask));
  EXPECT_TRUE(at::equal(blocks.Joined().gates, at_once->gates));
}

}  // namespace
}  // namespace cvxnn
