// SPDX-License-Identifier: Apache-2.0
// Closed-form gradients of both engines against central differences, in float64, of an objective that is computed by
// core/network (LossValue and PenaltyValue), which knows no gradients.
#include <gtest/gtest.h>

#include <tuple>

#include "core/descent/initial_weights.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

/// The last two are the numbers of outputs and of inputs.
using GradientCase = std::tuple<EngineKind, Activation, Penalty, Loss, LossScale, std::int64_t, std::int64_t>;

class Gradient : public testing::TestWithParam<GradientCase> {
 protected:
  static constexpr std::int64_t kRows = 9;

  Gradient() : data_(SmallData(kRows, std::get<6>(GetParam()), std::get<5>(GetParam()))) {
    options_.loss = std::get<3>(GetParam());
    data_.targets = FittingTargets(options_.loss, data_.targets);
    options_.activation = std::get<1>(GetParam());
    options_.penalty = std::get<2>(GetParam());
    options_.loss_scale = std::get<4>(GetParam());
    options_.beta = 0.37;
    options_.neurons = 6;
    options_.trials = 3;
    options_.seed = 5;
    options_.initialization = Gaussian();
    weights_ =
        InitialWeights(options_, {std::get<6>(GetParam()), options_.neurons, std::get<5>(GetParam())}, data_.features);
  }

  /// (n/b)·loss over the given rows + penalty.
  double Objective(std::int64_t slot, const at::Tensor& rows) const {
    const Network network = NetworkAt(weights_.flat, weights_, slot);
    const at::Tensor outputs = Forward(network, data_.features.index_select(0, rows));
    const at::Tensor targets = data_.targets.index_select(0, rows);
    const double sum = LossValue(options_.loss, LossScale::kSum, outputs, targets);
    const double share = static_cast<double>(kRows) / static_cast<double>(rows.size(0));
    return share * SumMultiple(options_.loss_scale, kRows) * sum +
           PenaltyValue(options_.penalty, options_.beta, network);
  }

  void ExpectGradientOf(const at::Tensor& rows_of_each_slot) {
    constexpr double kStep = 1e-6;
    double* const weights = weights_.flat.data_ptr<double>();
    const double* const gradient = weights_.gradient.data_ptr<double>();
    for (std::int64_t slot = 0; slot < options_.trials; ++slot) {
      for (std::int64_t k = slot * weights_.shape.size(); k < (slot + 1) * weights_.shape.size(); ++k) {
        const double kept = weights[k];
        weights[k] = kept + kStep;
        const double above = Objective(slot, rows_of_each_slot[slot]);
        weights[k] = kept - kStep;
        const double below = Objective(slot, rows_of_each_slot[slot]);
        weights[k] = kept;
        const double difference = (above - below) / (2 * kStep);
        EXPECT_NEAR(gradient[k], difference, 1e-6 * (1 + std::abs(difference))) << "slot " << slot << " weight " << k;
      }
    }
  }

  Options options_;
  Data data_;
  TrialWeights weights_;
};

TEST_P(Gradient, OfTheFullBatchIsThatOfTheObjective) {
  const auto engine = MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_);
  engine->TrainPass(true, true);
  const auto index = at::TensorOptions().device(at::kCPU).dtype(at::kLong);
  ExpectGradientOf(at::arange(kRows, index).expand({options_.trials, kRows}));
}

TEST_P(Gradient, OfABatchIsThatOfItsLossScaledToAllRows) {
  const auto engine = MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_);
  const std::vector<std::int64_t> rows = {0, 3, 8, 1, 7, 2, 6, 5, 4};  // three of each of the three trials
  engine->BatchGradient(rows);
  ExpectGradientOf(at::tensor(rows, at::TensorOptions().device(at::kCPU).dtype(at::kLong)).view({3, 3}));
}

TEST_P(Gradient, DoesNotDependOnTheWorkspace) {
  MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_)->TrainPass(true, true);
  const at::Tensor whole = weights_.gradient.clone();
  options_.workspace_bytes = 1;  // one row of one trial at a time
  MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_)->TrainPass(true, true);
  EXPECT_LT(LargestDifference(weights_.gradient, whole), 1e-12);
  const std::vector<std::int64_t> rows = {0, 3, 8, 1, 7, 2, 6, 5, 4};
  MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_)->BatchGradient(rows);
  const at::Tensor blocks = weights_.gradient.clone();
  options_.workspace_bytes = 0;
  MakeEngineOf(std::get<0>(GetParam()), options_, data_, weights_)->BatchGradient(rows);
  EXPECT_LT(LargestDifference(weights_.gradient, blocks), 1e-12);
}

std::string NameOf(const testing::TestParamInfo<GradientCase>& instance) {
  const auto& [kind, activation, penalty, loss, scale, outputs, inputs] = instance.param;
  return std::string(kind == EngineKind::kSmall ? "small_" : "tensor_") + Name(activation) + "_" + Name(penalty) + "_" +
         Name(loss) + "_" + Name(scale) + "_" + std::to_string(outputs) + "_" + std::to_string(inputs);
}

const auto kEngines = testing::Values(EngineKind::kSmall, EngineKind::kTensor);
const auto kActivations = testing::Values(Activation::kRelu, Activation::kGated);
const auto kPenalties = testing::Values(Penalty::kGroupL2, Penalty::kWeightDecay, Penalty::kNone);
const auto kOutputs = testing::Values<std::int64_t>(1, 3);
const auto kInputs = testing::Values<std::int64_t>(4);

INSTANTIATE_TEST_SUITE_P(EveryLoss, Gradient,
                         testing::Combine(kEngines, kActivations, kPenalties,
                                          testing::Values(Loss::kSquared, Loss::kLogistic, Loss::kHinge,
                                                          Loss::kSquaredHinge),
                                          testing::Values(LossScale::kSum), kOutputs, kInputs),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(CrossEntropy, Gradient,
                         testing::Combine(kEngines, kActivations, kPenalties, testing::Values(Loss::kCrossEntropy),
                                          testing::Values(LossScale::kMean), testing::Values<std::int64_t>(2, 3),
                                          kInputs),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(EveryScale, Gradient,
                         testing::Combine(kEngines, testing::Values(Activation::kRelu),
                                          testing::Values(Penalty::kGroupL2),
                                          testing::Values(Loss::kSquared, Loss::kLogistic),
                                          testing::Values(LossScale::kHalfSum, LossScale::kMean), kOutputs, kInputs),
                         NameOf);
// Networks of few inputs and one output have passes of their own; these are beyond them.
INSTANTIATE_TEST_SUITE_P(ManyInputs, Gradient,
                         testing::Combine(testing::Values(EngineKind::kSmall), kActivations,
                                          testing::Values(Penalty::kGroupL2), testing::Values(Loss::kSquared),
                                          testing::Values(LossScale::kMean), testing::Values<std::int64_t>(1),
                                          testing::Values<std::int64_t>(11, 17)),
                         NameOf);

}  // namespace
}  // namespace cvxnn::descent
