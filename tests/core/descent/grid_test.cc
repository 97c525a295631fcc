// SPDX-License-Identifier: Apache-2.0
// A grid is its settings trained alone, bit by bit on a CPU, in the order of the trials' numbers.
#include "core/descent/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/descent/memory.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

using testing::ElementsAre;

struct GridSetting {
  const char* name;
  Optimizer optimizer;
  std::int64_t batch_size;
  std::vector<std::int64_t> neurons;
  std::int64_t outputs;
  Activation activation;
  at::ScalarType type;
};

class GridOf : public testing::TestWithParam<GridSetting> {
 protected:
  GridOf() : data_(SmallData(24, 6, GetParam().outputs, GetParam().type)) {
    options_.optimizer = GetParam().optimizer;
    options_.batch_size = GetParam().batch_size;
    options_.activation = GetParam().activation;
    options_.grid = {{10, 24}, GetParam().neurons, {1e-3, 3e-4}, {0.01, 0.5}};
    options_.seed = 11;
    options_.first_trial = 3;
    options_.trials = 2;
    options_.max_epochs = 4;
    options_.schedule.kind = ReduceOnPlateau{.patience = 0, .threshold = 0.01};
  }

  Options options_;
  Data data_;
};

TEST_P(GridOf, TogetherIsTheSettingsAlone) {
  std::vector<EpochReport> reports;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  };
  const auto together = RunDescent(options_, data_, observers);
  ASSERT_TRUE(together.ok()) << together.status();
  ASSERT_EQ(together->trials.size(), 2 * 2 * 2 * 2 * 2U);
  EXPECT_EQ(together->epochs, 4 * 32);
  std::size_t number = 0;
  for (const std::int64_t rows : options_.grid.training_rows) {
    for (const std::int64_t neurons : options_.grid.neurons) {
      for (const double rate : options_.grid.learning_rates) {
        for (const double beta : options_.grid.betas) {
          for (std::int64_t t = 0; t < 2; ++t, ++number) {
            SCOPED_TRACE(testing::Message() << "trial " << number);
            Options alone = options_;
            alone.grid = {};
            alone.neurons = neurons;
            alone.learning_rate = rate;
            alone.beta = beta;
            alone.trials = 1;
            alone.first_trial = 3 + t;
            Data data = data_;
            data.features = data.features.narrow(0, 0, rows);
            data.targets = data.targets.narrow(0, 0, rows);
            const auto result = RunDescent(alone, data, {});
            ASSERT_TRUE(result.ok()) << result.status();
            const Trial& expected = result->trials[0];
            const Trial& actual = together->trials[number];
            EXPECT_TRUE(Same(actual.network.first_layer, expected.network.first_layer));
            EXPECT_TRUE(Same(actual.network.second_layer, expected.network.second_layer));
            EXPECT_EQ(actual.last.objective, expected.last.objective);
            EXPECT_EQ(actual.last.learning_rate, expected.last.learning_rate);
            EXPECT_EQ(actual.last.trial, 3 + static_cast<std::int64_t>(number));
            EXPECT_EQ(actual.setting.training_rows, rows);
            EXPECT_EQ(actual.setting.neurons, neurons);
            EXPECT_EQ(actual.setting.learning_rate, rate);
            EXPECT_EQ(actual.setting.beta, beta);
          }
        }
      }
    }
  }
  // One batch of eight trials after the other, and within it by epoch and number.
  ASSERT_EQ(reports.size(), 32 * 5U);
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].epoch, static_cast<std::int64_t>(i / 8 % 5));
    EXPECT_EQ(reports[i].trial, static_cast<std::int64_t>(3 + i / 40 * 8 + i % 8));
  }
}

// 3,300 neurons are beyond the small engine.
INSTANTIATE_TEST_SUITE_P(
    Everywhere, GridOf,
    testing::Values(GridSetting{"small_sgd_full", Sgd{.momentum = 0.5}, 0, {4, 9}, 1, Activation::kRelu, at::kDouble},
                    GridSetting{"small_adam_batches", Adam(), 7, {4, 9}, 2, Activation::kRelu, at::kFloat},
                    GridSetting{"small_gated", RmsProp(), 5, {4, 9}, 2, Activation::kGated, at::kDouble},
                    GridSetting{"lbfgs", Lbfgs{.history = 2}, 0, {4, 9}, 1, Activation::kRelu, at::kDouble},
                    GridSetting{"large_adam", Adam(), 0, {4, 3300}, 2, Activation::kRelu, at::kFloat},
                    GridSetting{"large_gated", Sgd(), 10, {3300, 3301}, 2, Activation::kGated, at::kDouble}),
    [](const testing::TestParamInfo<GridSetting>& instance) { return instance.param.name; });

Options SmallGrid() {
  Options options;
  options.grid.neurons = {3, 5, 2};
  options.learning_rate = 1e-3;
  options.trials = 2;
  options.max_epochs = 3;
  return options;
}

TEST(Grid, WithoutValuesIsTheSettingSaidElsewhere) {
  const Batch batch = BatchAt(Options(), SmallData(8, 3, 1), 0);
  ASSERT_EQ(batch.settings.size(), 1U);
  EXPECT_EQ(batch.settings[0].training_rows, 8);
  EXPECT_EQ(batch.settings[0].neurons, 100);
  EXPECT_EQ(batch.settings[0].learning_rate, 0.01);
}

TEST(Grid, StartsEqualSizesFromEqualWeights) {
  Options options = SmallGrid();
  options.learning_rate.reset();
  options.grid.learning_rates = {1e-3, 1e-2};
  options.max_epochs = 0;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(Same(result->trials[1].network.first_layer, result->trials[3].network.first_layer));
  EXPECT_FALSE(Same(result->trials[1].network.first_layer, result->trials[2].network.first_layer));
}

TEST(Grid, StoppedLeavesOutWhatHadNotBegun) {
  Observers observers;
  observers.on_epoch = [](const EpochReport& report) { return !(report.trial == 3 && report.epoch == 1); };
  const auto result = RunDescent(SmallGrid(), SmallData(8, 3, 1), observers);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kStopped);
  ASSERT_EQ(result->trials.size(), 4U);
  EXPECT_EQ(result->trials[1].last.epoch, 3);
  EXPECT_EQ(result->trials[3].last.epoch, 1);
  EXPECT_EQ(result->epochs, 2 * 3 + 2 * 1);
}

TEST(Grid, IsLeftBetweenTwoBatchesToo) {
  int asked = 0;  // before each of three steps of the first batch, then before the second
  const auto result = RunDescent(SmallGrid(), SmallData(8, 3, 1), {nullptr, [&] { return ++asked == 4; }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kStopped);
  EXPECT_EQ(result->trials.size(), 2U);
}

TEST(Grid, GoesOnWhenABatchDiverged) {
  Options options = SmallGrid();
  options.grid.neurons = {3};
  options.grid.learning_rates = {1e6, 1e-3};
  options.learning_rate.reset();
  options.grid.training_rows = {8, 4};
  options.max_epochs = 50;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kEpochLimit);
  std::vector<bool> diverged;
  for (const Trial& trial : result->trials) diverged.push_back(trial.diverged_at.has_value());
  EXPECT_THAT(diverged, ElementsAre(true, true, false, false, true, true, false, false));
}

TEST(Grid, NeedsTheMemoryOfItsLargestBatchAndOfAllResults) {
  const Data data = SmallData(8, 3, 1);
  Options options = SmallGrid();
  options.grid.neurons = {50};
  const double one = EstimateMemory(options, data).device;
  options.grid.neurons = {50, 10, 20};
  EXPECT_EQ(EstimateMemory(options, data).device - one, 8 * 2 * (10 + 20) * (3 + 1));
  options.grid.neurons = {1000000, 1000};
  options.trials = 10000;
  const auto result = RunDescent(options, data, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(result.status().message()),
              testing::StartsWith("grid of 2 settings, 10000 trials each, needs"));
}

}  // namespace
}  // namespace cvxnn::descent
