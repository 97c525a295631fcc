// SPDX-License-Identifier: Apache-2.0
// Weights on the way are those of runs that end there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/descent/snapshot_epochs.h"
#include "tests/core/descent/told.h"

namespace cvxnn::descent {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

std::vector<std::int64_t> EpochsOf(const Snapshots& snapshots, std::int64_t max_epochs) {
  const SnapshotEpochs epochs(snapshots, max_epochs);
  std::vector<std::int64_t> all;
  for (std::int64_t next = epochs.From(0); next <= max_epochs; next = epochs.From(next + 1)) all.push_back(next);
  EXPECT_EQ(epochs.count(), static_cast<std::int64_t>(all.size()));
  return all;
}

TEST(SnapshotEpochs, AreEveryFew) {
  EXPECT_THAT(EpochsOf({EveryEpochs{3}}, 9), ElementsAre(0, 3, 6, 9));
  EXPECT_THAT(EpochsOf({EveryEpochs{4}}, 3), ElementsAre(0));
}

TEST(SnapshotEpochs, AreEvenInTheLogarithm) {
  EXPECT_THAT(EpochsOf({PerDecade{1}}, 1000), ElementsAre(0, 1, 10, 100, 1000));
  EXPECT_THAT(EpochsOf({PerDecade{3}}, 99), ElementsAre(0, 1, 2, 5, 10, 22, 46));
  // Many a decade: every epoch at first, none twice.
  EXPECT_THAT(EpochsOf({PerDecade{1000}}, 4), ElementsAre(0, 1, 2, 3, 4));
}

TEST(SnapshotEpochs, AreNoneUnlessAsked) { EXPECT_EQ(SnapshotEpochs(std::nullopt, 100).count(), 0); }

Options Small() {
  Options options;
  options.neurons = 6;
  options.learning_rate = 1e-3;
  options.max_epochs = 7;
  options.trials = 2;
  options.snapshots = Snapshots{EveryEpochs{3}};
  return options;
}

TEST(Snapshots, AreTheWeightsOfRunsThatEndThere) {
  const Data data = SmallData(12, 3, 1);
  for (const std::int64_t batch_size : {0, 5}) {
    Options options = Small();
    options.batch_size = batch_size;
    options.reports.every_epochs = 2;
    std::vector<Trial> snapshots;
    std::vector<std::int64_t> reported;
    Observers observers;
    observers.on_snapshot = [&](const Trial& trial) {
      snapshots.push_back(trial);
      return absl::OkStatus();
    };
    observers.on_epoch = [&](const EpochReport& report) {
      if (report.trial == 0) reported.push_back(report.epoch);
      return true;
    };
    ASSERT_TRUE(RunDescent(options, data, observers).ok());
    EXPECT_THAT(reported, ElementsAre(0, 2, 4, 6, 7)) << "as without snapshots";
    ASSERT_EQ(snapshots.size(), 3 * 2U);
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
      Options shorter = options;
      shorter.max_epochs = static_cast<std::int64_t>(i / 2 * 3);
      const auto expected = RunDescent(shorter, data, {});
      ASSERT_TRUE(expected.ok());
      const Trial& trial = expected->trials[i % 2];
      EXPECT_EQ(Values(snapshots[i].last), Values(trial.last));
      EXPECT_TRUE(Same(snapshots[i].network.first_layer, trial.network.first_layer));
      EXPECT_TRUE(Same(snapshots[i].network.second_layer, trial.network.second_layer));
      EXPECT_EQ(snapshots[i].setting.neurons, 6);
    }
  }
}

TEST(Snapshots, EndTheRunWhenTheyCannotBeKept) {
  Observers observers;
  int given = 0;
  observers.on_snapshot = [&](const Trial&) {
    return ++given == 3 ? absl::ResourceExhaustedError("full") : absl::OkStatus();
  };
  EXPECT_EQ(RunDescent(Small(), SmallData(12, 3, 1), observers).status(), absl::ResourceExhaustedError("full"));
  EXPECT_EQ(given, 3);
}

TEST(Snapshots, AreRefusedWhenThereWouldBeTooMany) {
  Options options = Small();
  options.max_epochs = 30000;
  const auto result = RunDescent(options, SmallData(12, 3, 1), {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()),
              StartsWith("snapshots = 10001 epochs of 2 trials: must be at most 10000 snapshots in all"));
}

// 10,000 snapshots of 2,000×300 weights, 48 GB, are given away one by one.
TEST(Snapshots, NeedNoMemoryBesideTheOneAtHand) {
  Options options = Small();
  options.neurons = 2000;
  options.trials = 1;
  options.max_epochs = 29997;
  Observers observers;
  observers.on_snapshot = [](const Trial&) { return absl::OkStatus(); };
  observers.should_stop = [] { return true; };
  const auto result = RunDescent(options, SmallData(12, 300, 1), observers);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->ending, Ending::kStopped);
}

}  // namespace
}  // namespace cvxnn::descent
