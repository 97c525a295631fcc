// SPDX-License-Identifier: Apache-2.0
// Ranges that depend on more than one number of a method.
#include "core/descent/ranges.h"

#include <gtest/gtest.h>

#include <string>

namespace cvxnn::descent {
namespace {

std::string Fault(const Method& method) { return std::string(CheckRanges(method, "descent.").message()); }

Method WithCosine(double minimum_rate) {
  Method method;
  method.schedule.kind = CosineAnnealing{.epochs = 10, .minimum_rate = minimum_rate};
  return method;
}

TEST(Ranges, BoundTheMinimumOfACosineByTheLearningRate) {
  Method method = WithCosine(0.5);
  EXPECT_EQ(Fault(method), "descent.schedule.cosine.minimum_rate = 0.5: must be at most the learning rate, 0.01");
  method.learning_rate = 0.5;
  EXPECT_EQ(Fault(method), "");
  method.learning_rate = 0.49;
  EXPECT_EQ(Fault(method), "descent.schedule.cosine.minimum_rate = 0.5: must be at most the learning rate, 0.49");
}

TEST(Ranges, BoundTheMinimumOfACosineByTheLeastRateOfAGrid) {
  Method method = WithCosine(0.5);
  method.grid.learning_rates = {2, 0.25};
  EXPECT_EQ(Fault(method), "descent.schedule.cosine.minimum_rate = 0.5: must be at most the learning rate, 0.25");
  method.grid.learning_rates = {2, 0.5};
  EXPECT_EQ(Fault(method), "");
}

TEST(Ranges, BoundWeightDecayByTheLearningRate) {
  Method method;
  method.optimizer = AdamW{.weight_decay = 1e308};
  EXPECT_EQ(Fault(method), "descent.optimizer.adamw.weight_decay = 1e+308: must be at most 1 / learning_rate = 1000");
  method.optimizer = AdamW{.weight_decay = 1000};
  EXPECT_EQ(Fault(method), "");
  method.grid.learning_rates = {0.001, 0.01};
  EXPECT_EQ(Fault(method), "descent.optimizer.adamw.weight_decay = 1000: must be at most 1 / learning_rate = 100");
}

TEST(Ranges, NameTheRateAloneWhenItIsNone) {
  Method method = WithCosine(0.5);
  method.learning_rate = -1;
  EXPECT_EQ(Fault(method), "descent.learning_rate = -1: must be finite and above 0");
}

TEST(Ranges, BoundTheScaleOfInitialWeights) {
  Method method;
  method.initialization = Gaussian{.scale = 1e308};
  EXPECT_EQ(Fault(method), "descent.initialization.gaussian.scale = 1e+308: must be above 0 and at most 1e+15");
  method.initialization = BalancedGaussian{.scale = 0};
  EXPECT_EQ(Fault(method), "descent.initialization.balanced.scale = 0: must be above 0 and at most 1e+15");
}

TEST(Ranges, SayTheRangeOfAWarmUp) {
  Method method;
  method.schedule.warmup.epochs = -1;
  EXPECT_EQ(Fault(method), "descent.schedule.warmup.epochs = -1: must be 1 to 1000000000");
  method.schedule.warmup.epochs = 0;
  EXPECT_EQ(Fault(method), "");
}

}  // namespace
}  // namespace cvxnn::descent
