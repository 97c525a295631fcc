// SPDX-License-Identifier: Apache-2.0
// Trials trained together are the trials trained alone, bit by bit on a CPU, whichever engine and optimiser.
#include <gtest/gtest.h>

#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

struct TrialsSetting {
  const char* name;
  Optimizer optimizer;
  std::int64_t batch_size;
  std::int64_t neurons;  // 9,000 neurons are beyond the small engine
  Activation activation;
  at::ScalarType type;
};

class Trials : public testing::TestWithParam<TrialsSetting> {
 protected:
  Trials() : data_(SmallData(24, 6, 2, GetParam().type)) {
    options_.optimizer = GetParam().optimizer;
    options_.learning_rate = 1e-3;
    options_.batch_size = GetParam().batch_size;
    options_.neurons = GetParam().neurons;
    options_.activation = GetParam().activation;
    options_.beta = 0.01;
    options_.seed = 11;
    options_.trials = 5;
    options_.max_epochs = 4;
    options_.schedule.kind = ReduceOnPlateau{.patience = 0, .threshold = 0.01};
    if (!std::holds_alternative<Lbfgs>(options_.optimizer)) options_.clip_norm = 30;
  }

  Options options_;
  Data data_;
};

TEST_P(Trials, TogetherAreTheTrialsAlone) {
  const auto together = RunDescent(options_, data_, {});
  ASSERT_TRUE(together.ok()) << together.status();
  for (std::int64_t trial = 0; trial < 5; ++trial) {
    Options alone = options_;
    alone.trials = 1;
    alone.first_trial = trial;
    const auto result = RunDescent(alone, data_, {});
    ASSERT_TRUE(result.ok()) << result.status();
    const Trial& expected = result->trials[0];
    const Trial& actual = together->trials[static_cast<std::size_t>(trial)];
    EXPECT_TRUE(Same(actual.network.first_layer, expected.network.first_layer)) << "trial " << trial;
    EXPECT_TRUE(Same(actual.network.second_layer, expected.network.second_layer)) << "trial " << trial;
    EXPECT_EQ(actual.last.trial, trial);
    EXPECT_EQ(actual.last.objective, expected.last.objective);
  }
}

TEST(LbfgsTrials, TogetherAreTheTrialsAloneUntilTheyRest) {
  const Data data = SmallData(24, 6, 1, at::kDouble);
  Options options;
  options.optimizer = Lbfgs();
  options.learning_rate = 1;
  options.neurons = 6;
  options.beta = 0.1;
  options.trials = 4;
  options.max_epochs = 1000;
  const auto together = RunDescent(options, data, {});
  ASSERT_TRUE(together.ok()) << together.status();
  for (std::int64_t trial = 0; trial < 4; ++trial) {
    Options alone = options;
    alone.trials = 1;
    alone.first_trial = trial;
    const auto result = RunDescent(alone, data, {});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_NE(result->ending, Ending::kEpochLimit) << "trial " << trial << " did not come to rest";
    const Trial& actual = together->trials[static_cast<std::size_t>(trial)];
    EXPECT_TRUE(Same(actual.network.first_layer, result->trials[0].network.first_layer)) << "trial " << trial;
    EXPECT_EQ(actual.last.objective, result->trials[0].last.objective) << "trial " << trial;
  }
}

TEST_P(Trials, AreTheSameEveryTime) {
  const auto once = RunDescent(options_, data_, {});
  const auto again = RunDescent(options_, data_, {});
  ASSERT_TRUE(once.ok() && again.ok());
  for (std::size_t trial = 0; trial < 5; ++trial) {
    EXPECT_TRUE(Same(once->trials[trial].network.first_layer, again->trials[trial].network.first_layer));
    EXPECT_TRUE(Same(once->trials[trial].network.second_layer, again->trials[trial].network.second_layer));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Everywhere, Trials,
    testing::Values(TrialsSetting{"small_sgd_full", Sgd{.momentum = 0.5}, 0, 10, Activation::kRelu, at::kDouble},
                    TrialsSetting{"small_adam_batches", Adam(), 7, 10, Activation::kRelu, at::kFloat},
                    TrialsSetting{"small_sgd_gated", Sgd{.momentum = 0.5}, 5, 10, Activation::kGated, at::kDouble},
                    TrialsSetting{"small_adamw", AdamW(), 7, 10, Activation::kRelu, at::kDouble},
                    TrialsSetting{"small_adagrad", Adagrad(), 0, 10, Activation::kRelu, at::kFloat},
                    TrialsSetting{"small_adadelta", Adadelta(), 7, 10, Activation::kRelu, at::kDouble},
                    TrialsSetting{"small_rmsprop", RmsProp{.momentum = 0.5, .centered = true}, 7, 10, Activation::kRelu,
                                  at::kFloat},
                    TrialsSetting{"small_lbfgs", Lbfgs{.history = 2}, 0, 10, Activation::kRelu, at::kDouble},
                    TrialsSetting{"large_lbfgs", Lbfgs{.history = 2}, 0, 9000, Activation::kRelu, at::kFloat},
                    TrialsSetting{"large_adam_full", Adam(), 0, 9000, Activation::kRelu, at::kFloat},
                    TrialsSetting{"large_sgd_batches", Sgd{.momentum = 0.5}, 10, 9000, Activation::kRelu, at::kDouble},
                    TrialsSetting{"large_adam_gated", Adam(), 10, 9000, Activation::kGated, at::kFloat}),
    [](const testing::TestParamInfo<TrialsSetting>& instance) { return instance.param.name; });

TEST(MiniBatches, OfAllRowsOrMoreAreTheFullBatch) {
  const Data data = SmallData(20, 3, 1);
  Options options;
  options.neurons = 7;
  options.max_epochs = 3;
  options.learning_rate = 1e-3;
  const auto full = RunDescent(options, data, {});
  options.batch_size = 20;
  const auto all = RunDescent(options, data, {});
  options.batch_size = 1000;
  const auto more = RunDescent(options, data, {});
  ASSERT_TRUE(full.ok() && all.ok() && more.ok());
  EXPECT_TRUE(Same(all->trials[0].network.first_layer, full->trials[0].network.first_layer));
  EXPECT_TRUE(Same(more->trials[0].network.first_layer, full->trials[0].network.first_layer));
}

TEST(MiniBatches, LowerTheObjective) {
  const Data data = SmallData(103, 4, 1);
  Options options;
  options.neurons = 30;
  options.max_epochs = 200;
  options.batch_size = 10;  // the last batch has three rows
  options.loss_scale = LossScale::kMean;
  options.learning_rate = 0.02;
  std::vector<double> objectives;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    objectives.push_back(report.objective);
    return true;
  };
  ASSERT_TRUE(RunDescent(options, data, observers).ok());
  ASSERT_EQ(objectives.size(), 201u);
  EXPECT_LT(objectives.back(), 0.85 * objectives.front());
}

}  // namespace
}  // namespace cvxnn::descent
