// SPDX-License-Identifier: Apache-2.0
// The dual value with its best scaling, by hand and by brute force over scalings.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace cvxnn::convex {
namespace {

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble);

at::Tensor Column(std::vector<double> values) { return at::tensor(values, kDouble).unsqueeze(1); }

TEST(LowerBound, IsTheDualValueWhenThePointIsFeasible) {
  LowerBound bound(Column({3, 4}), /*beta=*/10);
  // ν = y: the peak of the parabola, τ = 1, with constraints of norm 5 <= 10.
  bound.Offer(Column({3, 4}), Column({5, 0}));
  EXPECT_NEAR(bound.value(), 12.5, 1e-12);
}

TEST(LowerBound, ScalesAnInfeasiblePointToTheBoundary) {
  LowerBound bound(Column({3, 4}), /*beta=*/1);
  bound.Offer(Column({3, 4}), Column({5, 0}));
  EXPECT_NEAR(bound.value(), 0.2 * 25 - 0.5 * 0.04 * 25, 1e-9);
}

TEST(LowerBound, FindsTheBestScaling) {
  const at::Tensor targets = Column({1, -2, 0.5}), dual = Column({0.3, -0.1, 0.9});
  LowerBound bound(targets, 0.7);
  bound.Offer(dual, Column({0, 2, 0}));
  double best = 0;
  for (double tau = 0; tau * 2 <= 0.7; tau += 1e-5) {
    best = std::max(
        best, tau * dual.mul(targets).sum().item<double>() - 0.5 * tau * tau * dual.square().sum().item<double>());
  }
  EXPECT_NEAR(bound.value(), best, 1e-5);
  EXPECT_GT(bound.value(), 0);
}

TEST(LowerBound, KeepsTheBestOfEachOutput) {
  LowerBound bound(at::tensor({1.0, 1.0}, kDouble).view({1, 2}), 1);
  const at::Tensor ones = at::ones({1, 2}, kDouble);
  bound.Offer(ones, at::tensor({1.0, 4.0}, kDouble).view({1, 2}));
  bound.Offer(ones, at::tensor({4.0, 1.0}, kDouble).view({1, 2}));
  EXPECT_NEAR(bound.value(), 1.0, 1e-12);
}

TEST(LowerBound, IgnoresPointsThatAreNotFinite) {
  LowerBound bound(Column({1}), 1);
  bound.Offer(Column({std::numeric_limits<double>::quiet_NaN()}), Column({1}));
  bound.Offer(Column({1}), Column({std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(bound.value(), 0);
}

}  // namespace
}  // namespace cvxnn::convex
