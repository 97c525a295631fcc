// SPDX-License-Identifier: Apache-2.0
// Combinations of dual points: against closed forms, a search over coefficients, and the points themselves.
#include "core/convex/dual_span.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/convex/ball_quadratic.h"
#include "core/convex/operator.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST(MaximizeOverBalls, FindsAPeakInsideTheBalls) {
  const MatrixXd a = 2 * MatrixXd::Identity(3, 3);
  const VectorXd b = VectorXd::Constant(3, 1), start = VectorXd::Constant(3, 0.01);
  const VectorXd found = MaximizeOverBalls(a, b, {MatrixXd::Identity(3, 3)}, 10, start);
  EXPECT_NEAR((found - VectorXd::Constant(3, 0.5)).norm(), 0, 1e-3);
}

TEST(MaximizeOverBalls, StopsAtTheNearestPointOfABall) {
  // ½‖a − b‖² is least on the ball at b scaled to its radius.
  const VectorXd b = VectorXd::LinSpaced(4, 1, 4), start = VectorXd::Constant(4, 0.01);
  const VectorXd found = MaximizeOverBalls(MatrixXd::Identity(4, 4), b, {MatrixXd::Identity(4, 4)}, 2, start);
  EXPECT_NEAR((found - 2 * b / b.norm()).norm(), 0, 1e-2);
  EXPECT_LE(found.norm(), 2);
}

TEST(MaximizeOverBalls, AgreesWithASearchOverTwoCoefficients) {
  MatrixXd a(2, 2), first(2, 2), second(2, 2);
  a << 1, 0.3, 0.3, 0.5;
  first << 4, 1, 1, 0.5;
  second << 0.2, -0.1, -0.1, 3;
  VectorXd b(2), start(2);
  b << 2, 1.5;
  start << 0.05, 0.05;
  double best = 0;
  for (double x = -3; x <= 3; x += 2e-3) {
    for (double y = -3; y <= 3; y += 2e-3) {
      const Eigen::Vector2d point(x, y);
      if (point.dot(first * point) > 1 || point.dot(second * point) > 1) continue;
      best = std::max(best, b.dot(point) - 0.5 * point.dot(a * point));
    }
  }
  const VectorXd found = MaximizeOverBalls(a, b, {first, second}, 1, start);
  EXPECT_LE(found.dot(first * found), 1);
  EXPECT_LE(found.dot(second * found), 1);
  EXPECT_NEAR(b.dot(found) - 0.5 * found.dot(a * found), best, 2e-3 * best);
}

class Spans : public testing::TestWithParam<std::string> {
 protected:
  const OracleCase oracle_ = ReadOracleCase(GetParam());
  const Program& program_ = oracle_.program;
  const PatternOperator map_{program_.features, program_.patterns.mask, program_.targets.size(1)};
  const double beta_ = program_.beta;
  LowerBound Bound() const { return {program_.targets, beta_, program_.features.norm().item<double>()}; }
};
INSTANTIATE_TEST_SUITE_P(Oracle, Spans,
                         testing::Values("gated_plain_c1_half_sum", "gated_plain_c3_half_sum",
                                         "gated_duplicate_rows_c1_half_sum", "gated_rank_deficient_c3_half_sum"),
                         [](const auto& test) { return test.param; });

TEST_P(Spans, HoldABetterPointThanTheirOwnAndNoneAboveTheOptimum) {
  // Residuals of proximal gradient steps, written out: slow, so that single points lag.
  at::Tensor weights = at::zeros({map_.inputs(), map_.blocks()}, program_.features.options());
  const double step = 0.02;
  LowerBound single = Bound(), spanned = Bound();
  DualSpan span(program_.targets, beta_);
  for (int i = 0; i < 20; ++i) {
    const at::Tensor dual = program_.targets.sub(map_.Apply(weights)), sides = map_.Adjoint(dual);
    single.Offer(dual, sides);
    span.Add(dual, sides, spanned);
    weights = weights.add(sides, step);
    const at::Tensor norms = weights.norm(2, {0}, true);
    weights = weights.mul(norms.sub(step * beta_).clamp_min(0).div(norms.clamp_min(1e-300)));
  }
  EXPECT_GT(spanned.value(), single.value() * 1.001);
  EXPECT_LE(spanned.value(), oracle_.optimum * (1 + 1e-8));
}

TEST_P(Spans, OfOnePointRepeatedGiveThatPoint) {
  const at::Tensor dual = program_.targets, sides = map_.Adjoint(dual);
  LowerBound single = Bound(), spanned = Bound();
  DualSpan span(program_.targets, beta_);
  single.Offer(dual, sides);
  for (int i = 0; i < kSpanInterval; ++i) span.Add(dual, sides, spanned);
  EXPECT_NEAR(spanned.value(), single.value(), 1e-3 * single.value());
}

TEST_P(Spans, PassOverPointsThatAreNotFinite) {
  const at::Tensor dual = program_.targets, sides = map_.Adjoint(dual);
  LowerBound spanned = Bound();
  DualSpan span(program_.targets, beta_);
  for (int i = 0; i < kSpanInterval; ++i) span.Add(dual.mul(std::nan("")), sides.mul(std::nan("")), spanned);
  EXPECT_EQ(spanned.value(), 0);
}

}  // namespace
}  // namespace cvxnn::convex
