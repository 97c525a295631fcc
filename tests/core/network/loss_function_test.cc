// SPDX-License-Identifier: Apache-2.0
// Losses against their formulas written out for one number, derivatives against central differences, tensors against
// arrays, and numbers at which careless formulas overflow.
#include "core/network/loss_function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

constexpr Loss kLosses[] = {Loss::kSquared, Loss::kLogistic, Loss::kCrossEntropy, Loss::kHinge, Loss::kSquaredHinge};

const auto kDouble = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);

at::Tensor Row(std::vector<double> values) { return at::tensor(values, kDouble).unsqueeze(0); }

double SumOf(Loss loss, const at::Tensor& outputs, const at::Tensor& targets) {
  return FunctionOf(loss).Sum(outputs, targets).item<double>();
}

/// 2×4×3 outputs, away from kinks, and targets that fit.
at::Tensor Outputs() { return (at::arange(24, kDouble) * 1.7).sin().mul(2).view({2, 4, 3}); }
at::Tensor TargetsFor(Loss loss) {
  const at::Tensor values = (at::arange(24, kDouble) * 0.9).cos().view({2, 4, 3});
  if (loss == Loss::kSquared) return values;
  if (loss == Loss::kCrossEntropy) return at::zeros_like(values).scatter_(2, values.argmax(2, true), 1);
  return values.sign();
}

TEST(LossFunction, IsItsFormula) {
  EXPECT_DOUBLE_EQ(SumOf(Loss::kSquared, Row({3, 1}), Row({1, 4})), 4 + 9);
  EXPECT_DOUBLE_EQ(SumOf(Loss::kLogistic, Row({2, 0}), Row({-1, 1})), std::log(1 + std::exp(2)) + std::log(2));
  EXPECT_DOUBLE_EQ(SumOf(Loss::kHinge, Row({2, -0.5, 0.25}), Row({1, 1, 1})), 0 + 1.5 + 0.75);
  EXPECT_DOUBLE_EQ(SumOf(Loss::kSquaredHinge, Row({2, 0.5}), Row({1, -1})), 0 + 2.25);
  EXPECT_DOUBLE_EQ(SumOf(Loss::kCrossEntropy, Row({1, 2, 0}), Row({0, 0, 1})),
                   std::log(std::exp(1) + std::exp(2) + 1) - 0);
}

TEST(LossFunction, SumsEachTrialByItself) {
  for (const Loss loss : kLosses) {
    const at::Tensor outputs = Outputs(), targets = TargetsFor(loss);
    const at::Tensor sums = FunctionOf(loss).Sum(outputs, targets);
    ASSERT_EQ(sums.sizes(), at::IntArrayRef({2})) << Name(loss);
    EXPECT_DOUBLE_EQ(sums[1].item<double>(), SumOf(loss, outputs[1], targets[1])) << Name(loss);
  }
}

TEST(LossFunction, HasTheGradientOfCentralDifferences) {
  constexpr double kStep = 1e-6;
  for (const Loss loss : kLosses) {
    const at::Tensor outputs = Outputs(), targets = TargetsFor(loss);
    const at::Tensor gradient = FunctionOf(loss).Gradient(outputs, targets).contiguous();
    for (std::int64_t i = 0; i < 24; ++i) {
      at::Tensor above = outputs.clone(), below = outputs.clone();
      above.data_ptr<double>()[i] += kStep;
      below.data_ptr<double>()[i] -= kStep;
      const double difference =
          (FunctionOf(loss).Sum(above, targets) - FunctionOf(loss).Sum(below, targets)).sum().item<double>() /
          (2 * kStep);
      EXPECT_NEAR(gradient.data_ptr<double>()[i], difference, 1e-8) << Name(loss) << " entry " << i;
    }
  }
}

template <typename Scalar>
void ExpectArraysAgree(at::ScalarType type, double tolerance) {
  for (const Loss loss : kLosses) {
    const at::Tensor outputs = Outputs()[0].to(type).contiguous(), targets = TargetsFor(loss)[0].to(type).contiguous();
    const LossFunction& function = FunctionOf(loss);
    EXPECT_NEAR(function.SumOf(outputs.data_ptr<Scalar>(), targets.data_ptr<Scalar>(), 4, 3),
                SumOf(loss, outputs, targets), 1e-12)
        << Name(loss);
    const at::Tensor gradient = function.Gradient(outputs, targets);
    at::Tensor replaced = outputs.clone();
    function.Differentiate(Scalar{3}, targets.data_ptr<Scalar>(), 4, 3, replaced.data_ptr<Scalar>());
    EXPECT_LT((replaced - gradient * 3).abs().max().item<double>(), tolerance) << Name(loss);
  }
}

TEST(LossFunction, OfArraysIsThatOfTensors) {
  ExpectArraysAgree<double>(at::kDouble, 1e-14);
  ExpectArraysAgree<float>(at::kFloat, 1e-5);
}

TEST(LossFunction, DoesNotOverflowWhereTheLossDoesNot) {
  for (const Loss loss : {Loss::kLogistic, Loss::kCrossEntropy}) {
    const at::Tensor outputs = Row({1000, -1000}), targets = loss == Loss::kLogistic ? Row({-1, -1}) : Row({0, 1});
    const double expected = loss == Loss::kLogistic ? 1000 : 2000;
    EXPECT_DOUBLE_EQ(SumOf(loss, outputs, targets), expected);
    EXPECT_DOUBLE_EQ(FunctionOf(loss).SumOf(outputs.data_ptr<double>(), targets.data_ptr<double>(), 1, 2), expected);
    EXPECT_TRUE(at::isfinite(FunctionOf(loss).Gradient(outputs, targets)).all().item<bool>());
    at::Tensor replaced = outputs.clone();
    FunctionOf(loss).Differentiate(1.0, targets.data_ptr<double>(), 1, 2, replaced.data_ptr<double>());
    EXPECT_TRUE(at::isfinite(replaced).all().item<bool>());
  }
}

TEST(LossFunction, OfWhatIsNotANumberIsNone) {
  for (const Loss loss : kLosses) {
    const at::Tensor outputs = Row({std::numeric_limits<double>::quiet_NaN(), 0});
    const at::Tensor targets = loss == Loss::kCrossEntropy ? Row({1, 0}) : Row({1, 1});
    EXPECT_TRUE(std::isnan(SumOf(loss, outputs, targets))) << Name(loss);
    EXPECT_TRUE(std::isnan(FunctionOf(loss).SumOf(outputs.data_ptr<double>(), targets.data_ptr<double>(), 1, 2)))
        << Name(loss);
  }
}

TEST(LossFunction, HasNoSlopeAtTheKinkOfTheHinge) {
  EXPECT_EQ(FunctionOf(Loss::kHinge).Gradient(Row({1}), Row({1})).item<double>(), 0);
}

std::string Fault(Loss loss, const at::Tensor& targets) {
  const absl::Status status = FunctionOf(loss).CheckTargets("targets", targets);
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status));
  return std::string(status.message());
}

TEST(LossFunction, SaysWhichTargetsDoNotFit) {
  EXPECT_EQ(Fault(Loss::kSquared, Row({0.3, 17})), "");
  for (const Loss loss : {Loss::kLogistic, Loss::kHinge, Loss::kSquaredHinge}) {
    EXPECT_EQ(Fault(loss, at::cat({Row({1, -1}), Row({-1, 1})})), "");
    EXPECT_EQ(Fault(loss, at::cat({Row({1, -1}), Row({-1, 0})})),
              "targets: row 1, column 1 is 0: must be -1 or +1 for the " + Name(loss) + " loss");
  }
  EXPECT_EQ(Fault(Loss::kCrossEntropy, at::cat({Row({1, 0}), Row({0, 1})})), "");
  for (const at::Tensor& row : {Row({1, 1}), Row({0, 0}), Row({0.5, 0.5}), Row({2, -1})}) {
    EXPECT_THAT(Fault(Loss::kCrossEntropy, at::cat({Row({1, 0}), row})),
                testing::StartsWith("targets: row 1: must have a 1 in the column of its class and 0 elsewhere"));
  }
  EXPECT_THAT(Fault(Loss::kCrossEntropy, Row({1})), testing::StartsWith("targets has 1 column"));
}

}  // namespace
}  // namespace cvxnn
