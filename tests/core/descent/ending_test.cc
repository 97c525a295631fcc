// SPDX-License-Identifier: Apache-2.0
// How descent ends: at its epochs, when asked (also in the middle of an epoch), at the time limit, by divergence of one
// trial or of all, and what is left in each case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

using testing::ElementsAre;
using testing::Pair;

Options Quick() {
  Options options;
  options.neurons = 6;
  options.learning_rate = 1e-3;
  options.max_epochs = 4;
  return options;
}

/// Collects (epoch, trial) in the order of reports.
struct Log {
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  std::function<bool(const EpochReport&)> Until(std::pair<std::int64_t, std::int64_t> last) {
    return [this, last](const EpochReport& report) {
      seen.emplace_back(report.epoch, report.trial);
      return seen.back() != last;
    };
  }
};

/// A network whose step is stable, and one that explodes at the same learning rate.
Network Start(double scale) {
  Network network;
  network.first_layer = scale * Wavy(3, 6, 0.2);
  network.second_layer = scale * Wavy(6, 1, 0.9);
  return network;
}

TEST(Descent, ReportsEveryEpochOfEveryTrialInOrderFromTheStateBeforeTraining) {
  Options options = Quick();
  options.trials = 2;
  options.max_epochs = 2;
  Log log;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {log.Until({-1, -1}), nullptr});
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(log.seen, ElementsAre(Pair(0, 0), Pair(0, 1), Pair(1, 0), Pair(1, 1), Pair(2, 0), Pair(2, 1)));
  EXPECT_EQ(result->ending, Ending::kEpochLimit);
  EXPECT_EQ(result->epochs, 4);
}

TEST(Descent, WithoutEpochsReturnsTheInitialNetwork) {
  Options options = Quick();
  options.max_epochs = 0;
  options.start = {Start(1)};
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(Same(result->trials[0].network.first_layer, Start(1).first_layer));
  EXPECT_EQ(result->trials[0].last.epoch, 0);
}

TEST(Descent, StopsWhenTheObserverSaysSo) {
  Options options = Quick();
  options.trials = 2;
  Log log;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {log.Until({1, 0}), nullptr});
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(log.seen, ElementsAre(Pair(0, 0), Pair(0, 1), Pair(1, 0)));
  EXPECT_EQ(result->ending, Ending::kStopped);
  EXPECT_EQ(result->trials[0].last.epoch, 1);
  EXPECT_EQ(result->trials[1].last.epoch, 1);
}

TEST(Descent, StoppedWithinAnEpochReturnsTheLastFinishedOne) {
  Options options = Quick();
  options.batch_size = 2;  // 4 steps an epoch
  const Data data = SmallData(8, 3, 1);
  int asked = 0;
  const auto result = RunDescent(options, data, {nullptr, [&] { return ++asked == 7; }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(asked, 7);
  EXPECT_EQ(result->ending, Ending::kStopped);
  EXPECT_EQ(result->trials[0].last.epoch, 1);
  options.max_epochs = 1;
  const auto one_epoch = RunDescent(options, data, {});
  ASSERT_TRUE(one_epoch.ok());
  EXPECT_TRUE(Same(result->trials[0].network.first_layer, one_epoch->trials[0].network.first_layer));
}

TEST(Descent, EndsAtItsTimeLimit) {
  Options options = Quick();
  options.max_epochs = std::int64_t{1} << 60;
  options.max_seconds = 1e-9;  // over before the first step, on any machine
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kTimeLimit);
  EXPECT_EQ(result->trials[0].last.epoch, 0);
}

TEST(Descent, LeavesADivergedTrialBehindAndTheOthersUntouched) {
  const Data data = SmallData(8, 3, 1);
  for (const std::int64_t batch_size : {0, 3}) {
    Options options = Quick();
    options.batch_size = batch_size;
    options.optimizer = Sgd{.momentum = 0.9};
    options.max_epochs = 60;
    options.trials = 3;
    options.start = {Start(1), Start(1e4), Start(0.5)};
    std::int64_t reports_of_diverged = 0;
    const auto result = RunDescent(options, data,
                                   {[&](const EpochReport& report) {
                                      EXPECT_TRUE(std::isfinite(report.objective));
                                      reports_of_diverged += report.trial == 1;
                                      return true;
                                    },
                                    nullptr});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->ending, Ending::kEpochLimit);
    const Trial& diverged = result->trials[1];
    ASSERT_TRUE(diverged.diverged_at.has_value());
    EXPECT_EQ(*diverged.diverged_at, reports_of_diverged);
    EXPECT_EQ(diverged.last.epoch, *diverged.diverged_at - 1);
    EXPECT_TRUE(Validate(diverged.network).ok()) << "the last finite network is kept";
    const at::Tensor outputs = Forward(diverged.network, data.features);
    EXPECT_DOUBLE_EQ(diverged.last.loss, LossValue(options.loss, options.loss_scale, outputs, data.targets));

    EXPECT_FALSE(result->trials[2].diverged_at.has_value());
    EXPECT_EQ(result->trials[2].last.epoch, 60);
    if (batch_size != 0) continue;  // alone, the third trial would be trial 0 and see another order of rows
    Options alone = options;
    alone.trials = 1;
    alone.start = {Start(0.5)};
    const auto expected = RunDescent(alone, data, {});
    ASSERT_TRUE(expected.ok());
    EXPECT_TRUE(Same(result->trials[2].network.first_layer, expected->trials[0].network.first_layer));
  }
}

TEST(Descent, EndsWhenEveryTrialDiverged) {
  Options options = Quick();
  options.max_epochs = std::int64_t{1} << 60;
  options.learning_rate = 1e6;
  options.trials = 4;
  options.activation = Activation::kGated;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->ending, Ending::kDiverged);
  for (const Trial& trial : result->trials) {
    EXPECT_TRUE(trial.diverged_at.has_value());
    EXPECT_TRUE(Validate(trial.network).ok());
  }
}

TEST(Descent, RefusesAStartWhoseObjectiveIsNotFinite) {
  Options options = Quick();
  options.initialization = Gaussian{1e15};
  Data data = SmallData(8, 3, 1);
  data.features.mul_(1e150);
  const auto result = RunDescent(options, data, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), testing::HasSubstr("not finite before training"));
}

TEST(Descent, OfLbfgsEndsWhenNoTrialCanGoFurther) {
  Options options = Quick();
  options.optimizer = Lbfgs();
  options.learning_rate.reset();
  options.beta = 0.1;
  options.trials = 3;
  options.max_epochs = 5000;
  const Data data = SmallData(8, 3, 1);
  const auto result = RunDescent(options, data, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->ending, Ending::kConverged);
  for (const Trial& trial : result->trials) {
    EXPECT_LT(trial.last.epoch, 5000);
    EXPECT_LT(trial.last.objective, 5);
  }
}

TEST(Descent, OfLbfgsStallsWhenItsSearchFindsNoStep) {
  Options options = Quick();
  options.optimizer = Lbfgs();
  options.beta = 0.1;
  options.max_epochs = 500;
  options.learning_rate.reset();
  options.grid.learning_rates = {1, 1e20};
  const auto result = RunDescent(options, SmallData(8, 3, 1), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->ending, Ending::kStalled);
  EXPECT_FALSE(result->trials[0].stalled);
  EXPECT_TRUE(result->trials[1].stalled);
  EXPECT_LT(result->trials[0].last.objective, result->trials[1].last.objective);
}

TEST(Descent, StopsWithinALineSearch) {
  Options options = Quick();
  options.optimizer = Lbfgs();
  options.learning_rate.reset();
  const Data data = SmallData(8, 3, 1);
  int asked = 0;
  const auto result = RunDescent(options, data, {nullptr, [&] { return ++asked == 2; }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kStopped);
  EXPECT_EQ(result->trials[0].last.epoch, 0);
  options.max_epochs = 0;
  const auto before = RunDescent(options, data, {});
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(Same(result->trials[0].network.first_layer, before->trials[0].network.first_layer));
}

TEST(Descent, StopsWhileRowsAreShuffled) {
  Options options = Quick();
  options.batch_size = 2;
  options.trials = 5;
  int asked = 0;
  const auto result = RunDescent(options, SmallData(8, 3, 1), {nullptr, [&] { return ++asked == 3; }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->ending, Ending::kStopped);
  EXPECT_EQ(asked, 3) << "asked before each of the five shuffles";
}

}  // namespace
}  // namespace cvxnn::descent
