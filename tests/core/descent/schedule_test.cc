// SPDX-License-Identifier: Apache-2.0
// Learning rates by epoch: by hand where torch_trajectory_test has no counterpart.
#include "core/descent/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cvxnn::descent {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

std::vector<double> RatesOf(const Schedule& schedule, std::int64_t epochs) {
  RateSchedule rates(schedule, {1});
  std::vector<double> all;
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) all.push_back(rates.RatesOf(epoch)[0]);
  return all;
}

TEST(Schedule, IsConstantUnlessAskedOtherwise) { EXPECT_THAT(RatesOf({}, 3), ElementsAre(1, 1, 1)); }

TEST(Schedule, CosineStaysAtItsMinimum) {
  const Schedule schedule = {CosineAnnealing{2, 0.2}, {}};
  EXPECT_THAT(RatesOf(schedule, 5), ElementsAre(1, DoubleNear(0.6, 1e-12), 0.2, 0.2, 0.2));
}

TEST(Schedule, BeginsAfterTheWarmup) {
  const Schedule schedule = {StepDecay{2, 0.5}, {2, 0.5}};
  EXPECT_THAT(RatesOf(schedule, 7), ElementsAre(0.5, 0.75, 1, 1, 0.5, 0.5, 0.25));
}

TEST(Schedule, ReducesEachTrialOnItsOwnPlateau) {
  ReduceOnPlateau plateau;
  plateau.patience = 1;
  plateau.factor = 0.5;
  RateSchedule rates({plateau, {}}, {1, 1, 1});
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    rates.RatesOf(epoch);
    rates.Observe(0, epoch, 7);                                      // does not move
    rates.Observe(1, epoch, 7 / static_cast<double>(epoch));         // falls
    rates.Observe(2, epoch, 7 - 1e-5 * static_cast<double>(epoch));  // falls by less than the threshold
  }
  EXPECT_THAT(rates.RatesOf(4), ElementsAre(0.5, 1, 0.5));
  rates.Keep({1, 2});
  EXPECT_THAT(rates.RatesOf(5), ElementsAre(1, 0.5));
}

TEST(Schedule, PlateauHearsNothingOfTheWarmup) {
  ReduceOnPlateau plateau;
  plateau.patience = 0;
  RateSchedule rates({plateau, {3, 0.5}}, {1});
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    rates.RatesOf(epoch);
    rates.Observe(0, epoch, 7);
  }
  EXPECT_THAT(rates.RatesOf(4), ElementsAre(1));
}

TEST(Schedule, DoesNotReduceByNextToNothing) {
  ReduceOnPlateau plateau;
  plateau.patience = 0;
  plateau.factor = 0.5;
  RateSchedule rates({plateau, {}}, {1e-8, 4e-8});
  for (std::int64_t epoch = 1; epoch <= 9; ++epoch) {
    rates.Observe(0, epoch, 7);
    rates.Observe(1, epoch, 7);
  }
  EXPECT_THAT(rates.RatesOf(10), ElementsAre(1e-8, 2e-8)) << "PyTorch's eps is 1e-8";
}

TEST(Schedule, NeverRaisesTheRateToItsMinimum) {
  ReduceOnPlateau plateau;
  plateau.patience = 0;
  plateau.minimum_rate = 5;
  RateSchedule rates({plateau, {}}, {1});
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) rates.Observe(0, epoch, 7);
  EXPECT_THAT(rates.RatesOf(4), ElementsAre(1));
}

}  // namespace
}  // namespace cvxnn::descent
