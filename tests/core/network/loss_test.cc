// SPDX-License-Identifier: Apache-2.0
// The loss scales of the sources, by hand on three numbers, and the names that files and messages use.
#include "core/network/loss.h"

#include <gtest/gtest.h>

#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

at::Tensor Column(std::vector<double> values) {
  return at::tensor(values, at::TensorOptions().device(at::kCPU).dtype(at::kDouble)).unsqueeze(1);
}

TEST(LossValue, IsTheSourcesMultipleOfTheSquares) {
  const at::Tensor outputs = Column({1, 2, 4}), targets = Column({0, 0, 2});  // squares 1 + 4 + 4
  EXPECT_DOUBLE_EQ(LossValue(Loss::kSquared, LossScale::kHalfSum, outputs, targets), 4.5);
  EXPECT_DOUBLE_EQ(LossValue(Loss::kSquared, LossScale::kSum, outputs, targets), 9);
  EXPECT_DOUBLE_EQ(LossValue(Loss::kSquared, LossScale::kMean, outputs, targets), 3);
}

TEST(LossValue, OfTheMeanDividesByRowsNotByEntries) {
  const at::Tensor outputs = at::ones({2, 3}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  EXPECT_DOUBLE_EQ(LossValue(Loss::kSquared, LossScale::kMean, outputs, at::zeros_like(outputs)), 3);
}

TEST(LossValue, IsSummedInFloat64) {
  const at::Tensor outputs = at::full({20000, 1}, 1e25, at::TensorOptions().device(at::kCPU).dtype(at::kFloat));
  EXPECT_NEAR(LossValue(Loss::kSquared, LossScale::kSum, outputs, at::zeros_like(outputs)), 2e54, 1e48);
}

TEST(LossValue, OfNoRowsIsZero) {
  EXPECT_EQ(LossValue(Loss::kSquared, LossScale::kMean, Matrix(0, 2, 0), Matrix(0, 2, 0)), 0);
}

TEST(LossValue, ScalesEveryLossAlike) {
  const at::Tensor outputs = Column({-1, 3}), targets = Column({1, 1});  // hinges 2 and 0
  EXPECT_DOUBLE_EQ(LossValue(Loss::kHinge, LossScale::kHalfSum, outputs, targets), 1);
  EXPECT_DOUBLE_EQ(LossValue(Loss::kHinge, LossScale::kSum, outputs, targets), 2);
  EXPECT_DOUBLE_EQ(LossValue(Loss::kHinge, LossScale::kMean, outputs, targets), 1);
}

TEST(HalfSumMultiple, TurnsHalfTheSquaresIntoTheLoss) {
  EXPECT_EQ(HalfSumMultiple(LossScale::kHalfSum, 8), 1);
  EXPECT_EQ(HalfSumMultiple(LossScale::kSum, 8), 2);
  EXPECT_EQ(HalfSumMultiple(LossScale::kMean, 8), 0.25);
}

TEST(Names, AreThoseOfTheContract) {
  EXPECT_EQ(Name(Loss::kSquared), "squared");
  EXPECT_EQ(Name(Loss::kLogistic), "logistic");
  EXPECT_EQ(Name(Loss::kCrossEntropy), "cross_entropy");
  EXPECT_EQ(Name(Loss::kHinge), "hinge");
  EXPECT_EQ(Name(Loss::kSquaredHinge), "squared_hinge");
  EXPECT_EQ(Name(LossScale::kHalfSum), "half_sum");
  EXPECT_EQ(Name(LossScale::kSum), "sum");
  EXPECT_EQ(Name(LossScale::kMean), "mean");
  EXPECT_EQ(Name(Penalty::kGroupL2), "group_l2");
  EXPECT_EQ(Name(Penalty::kWeightDecay), "weight_decay");
  EXPECT_EQ(Name(Penalty::kNone), "none");
  EXPECT_EQ(Name(Activation::kRelu), "relu");
  EXPECT_EQ(Name(Activation::kGated), "gated");
}

}  // namespace
}  // namespace cvxnn
