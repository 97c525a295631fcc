// SPDX-License-Identifier: Apache-2.0
// What is reported each epoch against the functions of core/network on the weights fetched at the end.
#include <gtest/gtest.h>

#include <limits>

#include "core/descent/initial_weights.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

class Measurement : public testing::TestWithParam<std::tuple<at::ScalarType, Counting, std::int64_t>> {};

TEST_P(Measurement, AgreesWithTheNetworkReturned) {
  const auto [type, counting, neurons] = GetParam();
  const Data data = SmallData(30, 5, 3, type);
  Options options;
  options.neurons = neurons;
  options.beta = 0.05;
  options.loss_scale = LossScale::kMean;
  options.learning_rate = 0.1 / static_cast<double>(neurons);
  options.trials = 2;
  options.max_epochs = 3;
  options.batch_size = 7;
  options.counting = counting;
  const auto result = RunDescent(options, data, {});
  ASSERT_TRUE(result.ok()) << result.status();
  const double tolerance = type == at::kFloat ? 1e-5 : 1e-12;
  for (const Trial& trial : result->trials) {
    const at::Tensor train = Forward(trial.network, data.features);
    const at::Tensor test = Forward(trial.network, data.test_features);
    EXPECT_EQ(trial.last.epoch, 3);
    EXPECT_NEAR(trial.last.loss, LossValue(Loss::kSquared, LossScale::kMean, train, data.targets), tolerance);
    EXPECT_NEAR(trial.last.penalty, PenaltyValue(Penalty::kGroupL2, 0.05, trial.network), tolerance);
    EXPECT_NEAR(trial.last.objective, trial.last.loss + trial.last.penalty, 1e-12);
    EXPECT_NEAR(trial.last.test_loss.value(), LossValue(Loss::kSquared, LossScale::kMean, test, data.test_targets),
                tolerance);
    EXPECT_EQ(trial.last.train_accuracy, Accuracy(counting, train, data.targets));
    EXPECT_EQ(trial.last.test_accuracy, Accuracy(counting, test, data.test_targets));
    EXPECT_EQ(trial.last.active_neurons, neurons);
  }
}

// 20,000 neurons are beyond the small engine.
INSTANTIATE_TEST_SUITE_P(Everywhere, Measurement,
                         testing::Combine(testing::Values(at::kFloat, at::kDouble),
                                          testing::Values(Counting::kNone, Counting::kSign, Counting::kArgmax),
                                          testing::Values<std::int64_t>(8, 20000)));

class WeightMeasurement : public testing::TestWithParam<EngineKind> {};

TEST_P(WeightMeasurement, CountsNeuronsWithBothSidesNonZero) {
  const Data data = SmallData(4, 2, 2);
  Options options;
  options.neurons = 4;
  TrialWeights weights = InitialWeights(options, {2, 4, 2}, data.features);
  FirstLayers(weights.flat, weights.shape)[0].select(1, 1).zero_();
  SecondLayers(weights.flat, weights.shape)[0].select(0, 2).zero_();
  // A tiny weight whose square is zero still is a weight.
  FirstLayers(weights.flat, weights.shape)[0].select(1, 3).fill_(1e-300);
  EXPECT_EQ(MakeEngineOf(GetParam(), options, data, weights)->MeasureWeights(Detail::kAll)[0].active, 2);
}

TEST_P(WeightMeasurement, IsNotFiniteWhenAWeightIsNot) {
  const Data data = SmallData(4, 2, 2);
  Options options;
  options.neurons = 4;
  options.penalty = Penalty::kNone;
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    TrialWeights weights = InitialWeights(options, {2, 4, 2}, data.features);
    weights.flat[0][5] = bad;
    EXPECT_FALSE(
        std::isfinite(MakeEngineOf(GetParam(), options, data, weights)->MeasureWeights(Detail::kAll)[0].squares));
  }
}

INSTANTIATE_TEST_SUITE_P(BothEngines, WeightMeasurement, testing::Values(EngineKind::kSmall, EngineKind::kTensor));

}  // namespace
}  // namespace cvxnn::descent
