// SPDX-License-Identifier: Apache-2.0
// The dual value with its best scaling, by hand and by brute force over scalings.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/core/convex/double_tensors.h"

namespace cvxnn::convex {
namespace {

at::Tensor Column(std::vector<double> values) { return at::tensor(values, kDouble).unsqueeze(1); }

TEST(LowerBound, IsTheDualValueWhenThePointIsFeasible) {
  LowerBound bound(Column({3, 4}), /*beta=*/10, 0);
  // ν = y: the peak of the parabola, τ = 1, with constraints of norm 5 <= 10.
  bound.Offer(Column({3, 4}), Column({5, 0}));
  EXPECT_NEAR(bound.value(), 12.5, 1e-12);
}

TEST(LowerBound, ScalesAnInfeasiblePointToTheBoundary) {
  LowerBound bound(Column({3, 4}), /*beta=*/1, 0);
  bound.Offer(Column({3, 4}), Column({5, 0}));
  EXPECT_NEAR(bound.value(), 0.2 * 25 - 0.5 * 0.04 * 25, 1e-9);
}

TEST(LowerBound, FindsTheBestScaling) {
  const at::Tensor targets = Column({1, -2, 0.5}), dual = Column({0.3, -0.1, 0.9});
  LowerBound bound(targets, 0.7, 0);
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
  LowerBound bound(at::tensor({1.0, 1.0}, kDouble).view({1, 2}), 1, 0);
  const at::Tensor ones = at::ones({1, 2}, kDouble);
  bound.Offer(ones, at::tensor({1.0, 4.0}, kDouble).view({1, 2}));
  bound.Offer(ones, at::tensor({4.0, 1.0}, kDouble).view({1, 2}));
  EXPECT_NEAR(bound.value(), 1.0, 1e-12);
}

TEST(LowerBound, IgnoresPointsThatAreNotFinite) {
  LowerBound bound(Column({1}), 1, 0);
  bound.Offer(Column({std::numeric_limits<double>::quiet_NaN()}), Column({1}));
  bound.Offer(Column({1}), Column({std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(bound.value(), 0);
}

// Data far from their centre, against residuals that sum to nearly nothing: products cancel, and float32 loses them.
struct Cancelling {
  at::Tensor features = at::arange(2400, kDouble).mul(1.3).sin().mul(0.01).add(100).view({2400, 1}).to(at::kFloat);
  at::Tensor mask = at::ones({2400, 1}, at::TensorOptions().dtype(at::kBool));
  at::Tensor dual = at::arange(2400, kDouble).mul(0.7).cos().sub(0.002).view({2400, 1}).to(at::kFloat);
};

double ExactValue(const at::Tensor& dual, const at::Tensor& targets, const at::Tensor& row_side,
                  const at::Tensor& features, double beta) {
  const at::Tensor nu = dual.to(at::kDouble), y = targets.to(at::kDouble);
  const double product = nu.mul(y).sum().item<double>(), square = nu.square().sum().item<double>();
  const double norm = features.to(at::kDouble).t().mm(row_side.to(at::kDouble)).abs().max().item<double>();
  const double tau = std::min(product / square, beta / norm);
  return tau * product - 0.5 * tau * tau * square;
}

TEST(LowerBound, IsCertifiedInFloat64WhateverTheEstimateSaid) {
  const Cancelling data;
  const PatternOperator map(data.features, data.mask, 1);
  LowerBound bound(data.dual, /*beta=*/1e-3, data.features.norm().item<double>());
  // The estimate of a product that lost everything.
  bound.Offer(data.dual, at::full({1, 1}, 1e-6, at::TensorOptions().dtype(at::kFloat)));
  const double exact = ExactValue(data.dual, data.dual, data.dual, data.features, 1e-3);
  EXPECT_GT(bound.value(), 10 * exact);
  bound.Certify(map);
  EXPECT_LE(bound.value(), exact);
  EXPECT_NEAR(bound.value(), exact, 1e-6 * exact);
}

TEST(LowerBound, CertifiesWithTheMultipliersOfTheCones) {
  const Cancelling data;
  const PatternOperator map(data.features, data.mask, 1);
  LowerBound bound(data.dual, 1e-3, data.features.norm().item<double>());
  const at::Tensor row_side = at::cat({data.dual.add(0.5), data.dual.neg().add(0.25)}, 1);
  bound.Offer(data.dual, at::full({1, 2}, 1e-6, at::TensorOptions().dtype(at::kFloat)), row_side);
  bound.Certify(map);
  const double exact = ExactValue(data.dual, data.dual, row_side, data.features, 1e-3);
  EXPECT_LE(bound.value(), exact);
  EXPECT_NEAR(bound.value(), exact, 1e-6 * exact);
}

TEST(LowerBound, AllowsForTheRoundingOfFloat64Products) {
  const at::Tensor ones = at::ones({10000, 1}, kDouble);
  LowerBound plain(ones, 1e-6, 0), careful(ones, 1e-6, 1e6);
  const at::Tensor constraint = at::ones({1, 1}, kDouble);
  plain.Offer(ones, constraint);
  careful.Offer(ones, constraint);
  EXPECT_LT(careful.value(), plain.value());
  EXPECT_GT(careful.value(), 0.99 * plain.value());
}

}  // namespace
}  // namespace cvxnn::convex
