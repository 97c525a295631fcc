// SPDX-License-Identifier: Apache-2.0
// Anderson's method on linear maps, whose fixed points are known.
#include "core/convex/solvers/anderson.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace cvxnn::convex {
namespace {

// w ← Aw + b with A diagonal and the fixed point of ones.
class Contraction {
 public:
  Contraction() : rates_(at::linspace(0.1, 0.99, 6, at::kDouble)) {}
  at::Tensor Image(const at::Tensor& point) const { return rates_.mul(point).add(1 - rates_); }
  double Error(const at::Tensor& point) const { return point.sub(1).norm().item<double>(); }
  double ErrorAfter(std::int64_t memory, int steps) const {
    Anderson anderson(memory);
    at::Tensor point = at::zeros_like(rates_);
    for (int i = 0; i < steps; ++i) point = anderson.Next(point, Image(point));
    return Error(point);
  }

 private:
  at::Tensor rates_;
};

TEST(AndersonTest, FindsAFixedPointOfSixRatesInAboutAsManySteps) {
  EXPECT_LE(Contraction().ErrorAfter(8, 12), 1e-6);
  EXPECT_GE(Contraction().ErrorAfter(0, 12), 0.5);
}

TEST(AndersonTest, WithoutMemoryThePlainImageIsNext) {
  Anderson anderson(0);
  const at::Tensor image = at::ones({3}, at::kDouble);
  EXPECT_TRUE(anderson.Next(at::zeros({3}, at::kDouble), image).is_same(image));
}

TEST(AndersonTest, AnAcceleratedPointWithALargeResidualIsGivenUpForThePlainImage) {
  Anderson anderson(4);
  const Contraction map;
  at::Tensor point = at::zeros({6}, at::kDouble), plain;
  for (int i = 0; i < 3; ++i) {
    plain = map.Image(point);
    point = anderson.Next(point, plain);
  }
  EXPECT_FALSE(point.is_same(plain));
  EXPECT_TRUE(anderson.Next(point, point.add(100)).is_same(plain));
  // And begins anew.
  const at::Tensor image = map.Image(plain);
  EXPECT_TRUE(anderson.Next(plain, image).is_same(image));
}

}  // namespace
}  // namespace cvxnn::convex
