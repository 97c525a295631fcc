// SPDX-License-Identifier: Apache-2.0
// What is reported and when: intervals leave out reports and nothing else, gradient norms are those of central
// differences, pattern statistics those of a naive count.
#include <gtest/gtest.h>

#include <set>
#include <tuple>
#include <vector>

#include "core/descent/initial_weights.h"
#include "core/descent/patterns.h"
#include "tests/core/descent/told.h"

namespace cvxnn::descent {
namespace {

class Interval : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {
 protected:
  Interval() : data_(SmallData(24, 5, 2)) {
    options_.batch_size = std::get<0>(GetParam());
    options_.neurons = std::get<1>(GetParam());
    options_.beta = 0.01;
    options_.learning_rate = 0.5 / static_cast<double>(options_.neurons);
    options_.loss_scale = LossScale::kMean;
    options_.counting = Counting::kSign;
    options_.trials = 3;
    options_.max_epochs = 11;
    options_.reports.gradient_norm = true;
    options_.reports.pattern_statistics = options_.neurons < 100;
  }

  Options options_;
  Data data_;
};

TEST_P(Interval, LeavesOutReportsAndNothingElse) {
  for (const bool plateau : {false, true}) {
    if (plateau) options_.schedule.kind = ReduceOnPlateau{.patience = 0, .threshold = 0.1};
    options_.reports.every_epochs = 1;
    const Told all = Train(options_, data_);
    for (const std::int64_t every : {4, 100}) {
      options_.reports.every_epochs = every;
      const Told some = Train(options_, data_);
      std::vector<EpochReport> expected;
      for (const EpochReport& report : all.reports) {
        if (report.epoch % every == 0 || report.epoch == 11) expected.push_back(report);
      }
      ASSERT_EQ(some.reports.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(Values(some.reports[i]), Values(expected[i]));
      EXPECT_EQ(some.result.epochs, all.result.epochs);
      for (std::size_t t = 0; t < 3; ++t) {
        EXPECT_TRUE(Same(some.result.trials[t].network.first_layer, all.result.trials[t].network.first_layer));
      }
    }
  }
}

TEST_P(Interval, DoesNotHideDivergence) {
  options_.optimizer = Sgd{.momentum = 0.9};
  options_.max_epochs = 40;
  options_.learning_rate.reset();
  options_.grid.learning_rates = {1e-4, 5, 200};
  const Told all = Train(options_, data_);
  options_.reports.every_epochs = 1000;
  const Told none = Train(options_, data_);
  EXPECT_EQ(none.result.ending, all.result.ending);
  std::set<std::int64_t> endings;
  for (std::size_t t = 0; t < all.result.trials.size(); ++t) {
    const Trial& expected = all.result.trials[t];
    const Trial& actual = none.result.trials[t];
    ASSERT_EQ(actual.diverged_at, expected.diverged_at) << t;
    EXPECT_EQ(Values(actual.last), Values(expected.last)) << t;
    EXPECT_TRUE(Same(actual.network.first_layer, expected.network.first_layer)) << t;
    endings.insert(expected.diverged_at.value_or(-1));
  }
  EXPECT_GE(endings.size(), 2U) << "some go on and others diverge";
  // Epoch 0, and every trial's last where it is another, in the order of epochs.
  std::size_t reports = 0;
  for (const Trial& trial : all.result.trials) reports += trial.last.epoch > 0 ? 2 : 1;
  ASSERT_EQ(none.reports.size(), reports);
  for (std::size_t i = 1; i < none.reports.size(); ++i) EXPECT_GE(none.reports[i].epoch, none.reports[i - 1].epoch);
}

TEST_P(Interval, ReportsTheEpochAtWhichItWasStopped) {
  options_.reports.every_epochs = 100;
  std::vector<EpochReport> reports;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  };
  // The asking goes by steps and shuffles; 3.5 epochs of full batches, fewer of mini-batches.
  int asked = 0;
  observers.should_stop = [&] { return ++asked == 50; };
  options_.max_epochs = 1000;
  const auto stopped = RunDescent(options_, data_, observers);
  ASSERT_TRUE(stopped.ok());
  const std::int64_t epoch = stopped->trials[0].last.epoch;
  EXPECT_GT(epoch, 1);
  ASSERT_EQ(reports.size(), 6U);
  options_.max_epochs = epoch;
  const Told whole = Train(options_, data_);
  for (std::size_t t = 0; t < 3; ++t) {
    EXPECT_EQ(Values(reports[3 + t]), Values(whole.reports[3 + t]));
    EXPECT_TRUE(Same(stopped->trials[t].network.first_layer, whole.result.trials[t].network.first_layer));
  }
}

// 1,900 neurons are beyond the small engine.
INSTANTIATE_TEST_SUITE_P(Everywhere, Interval,
                         testing::Combine(testing::Values<std::int64_t>(0, 20),
                                          testing::Values<std::int64_t>(6, 1900)));

// Of objectives that core/network computes.
double NormOfDifferences(const Options& options, const Data& data, const Network& network) {
  constexpr double kStep = 1e-6;
  double squares = 0;
  Network moved = network;
  for (at::Tensor Network::*layer : {&Network::first_layer, &Network::second_layer}) {
    for (std::int64_t k = 0; k < (network.*layer).numel(); ++k) {
      double sides[2];
      for (int side = 0; side < 2; ++side) {
        moved.*layer = (network.*layer).clone();
        (moved.*layer).data_ptr<double>()[k] += side == 0 ? -kStep : kStep;
        sides[side] = LossValue(options.loss, options.loss_scale, Forward(moved, data.features), data.targets) +
                      PenaltyValue(options.penalty, options.beta, moved);
      }
      const double slope = (sides[1] - sides[0]) / (2 * kStep);
      squares += slope * slope;
    }
    moved.*layer = network.*layer;
  }
  return std::sqrt(squares);
}

TEST(GradientNorm, IsThatOfTheObjectiveAtTheReportedWeights) {
  for (const std::int64_t outputs : {1, 2}) {
    const Data data = SmallData(15, 4, outputs);
    for (const std::int64_t batch_size : {0, 4}) {
      Options options;
      options.neurons = 5;
      options.beta = 0.3;
      options.trials = 2;
      options.max_epochs = 3;
      options.learning_rate = 1e-3;
      options.batch_size = batch_size;
      options.clip_norm = 0.5;  // reported is the norm before
      options.reports.gradient_norm = batch_size != 0;
      const Told run = Train(options, data);
      for (const Trial& trial : run.result.trials) {
        const double norm = NormOfDifferences(options, data, trial.network);
        ASSERT_TRUE(trial.last.gradient_norm.has_value());
        EXPECT_NEAR(trial.last.gradient_norm.value_or(-1), norm, 1e-5 * norm);
        EXPECT_GT(norm, 0.5);
      }
      options.reports.gradient_norm = false;
      EXPECT_EQ(Train(options, data).reports.back().gradient_norm.has_value(), batch_size == 0);
    }
  }
}

TEST(GradientNorm, IsTheSameWithBothEngines) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const Data data = SmallData(15, 4, 1, type);
    Options options;
    options.neurons = 37;
    options.trials = 2;
    std::vector<double> squares;
    for (const EngineKind kind : {EngineKind::kSmall, EngineKind::kTensor}) {
      TrialWeights weights = InitialWeights(options, {4, 37, 1}, data.features);
      const auto engine = MakeEngineOf(kind, options, data, weights);
      engine->TrainPass(true, true);
      squares.push_back(engine->MeasureWeights(Detail::kAll)[1].gradient_squares);
      EXPECT_NEAR(squares.back(), weights.gradient[1].to(at::kDouble).square().sum().item<double>(),
                  1e-6 * squares.back());
    }
    EXPECT_NEAR(squares[0], squares[1], 1e-5 * squares[0]);
  }
}

// Patterns as sets of booleans.
PatternCounts NaiveCounts(const at::Tensor& features, const at::Tensor& start, const at::Tensor& now, bool gated) {
  const auto pattern = [&](const at::Tensor& vectors, std::int64_t neuron) {
    const at::Tensor products = at::mv(features, vectors.select(1, neuron)).to(at::kDouble).contiguous();
    std::vector<bool> bits;
    for (std::int64_t i = 0; i < products.numel(); ++i) {
      const double value = products.data_ptr<double>()[i];
      bits.push_back(gated ? value >= 0 : value > 0);
    }
    return bits;
  };
  PatternCounts counts;
  std::set<std::vector<bool>> different;
  for (std::int64_t neuron = 0; neuron < start.size(1); ++neuron) {
    const std::vector<bool> bits = pattern(now, neuron);
    different.insert(bits);
    counts.changed += bits == pattern(start, neuron) ? 0 : 1;
    counts.dead += bits == std::vector<bool>(bits.size(), false) ? 1 : 0;
  }
  counts.distinct = static_cast<std::int64_t>(different.size());
  return counts;
}

class Patterns : public testing::TestWithParam<std::tuple<Activation, std::int64_t, at::ScalarType>> {};

TEST_P(Patterns, AreCountedAsANaiveCountDoes) {
  const auto [activation, rows, type] = GetParam();
  // A column of ones, and few inputs: neurons that are dead or share a pattern.
  Data data = SmallData(rows, 2, 1, type);
  data.features.select(1, 1).fill_(1);
  Options options;
  options.activation = activation;
  options.neurons = 40;
  options.trials = 3;
  options.learning_rate = 0.05;
  options.loss_scale = LossScale::kMean;
  options.max_epochs = 0;
  options.reports.pattern_statistics = true;
  const Told before = Train(options, data);
  options.max_epochs = 60;
  options.reports.every_epochs = 60;
  const Told after = Train(options, data);
  std::int64_t changed = 0, dead = 0;
  for (std::size_t t = 0; t < 3; ++t) {
    const Network& start = before.result.trials[t].network;
    const Network& end = after.result.trials[t].network;
    const bool gated = activation == Activation::kGated;
    const PatternCounts expected = gated ? NaiveCounts(data.features, start.gates, end.gates, true)
                                         : NaiveCounts(data.features, start.first_layer, end.first_layer, false);
    EXPECT_EQ(before.result.trials[t].last.changed_patterns, 0);
    EXPECT_EQ(after.result.trials[t].last.changed_patterns, expected.changed);
    EXPECT_EQ(after.result.trials[t].last.distinct_patterns, expected.distinct);
    EXPECT_EQ(after.result.trials[t].last.dead_neurons, expected.dead);
    EXPECT_LT(expected.distinct, 40);
    changed += expected.changed;
    dead += expected.dead;
  }
  EXPECT_EQ(changed > 0, activation == Activation::kRelu);
  EXPECT_GT(dead, 0);
}

// 64 rows fill a word of bits.
INSTANTIATE_TEST_SUITE_P(Everywhere, Patterns,
                         testing::Combine(testing::Values(Activation::kRelu, Activation::kGated),
                                          testing::Values<std::int64_t>(9, 64, 65),
                                          testing::Values(at::kDouble, at::kFloat)));

TEST(Patterns, AreNotCountedUnlessAsked) {
  Options options;
  options.max_epochs = 1;
  EXPECT_FALSE(Train(options, SmallData(9, 2, 1)).reports[0].changed_patterns.has_value());
}

TEST(PatternTracker, FollowsTheTrialsThatAreKept) {
  const Data data = SmallData(70, 3, 1);
  Options options;
  options.neurons = 20;
  options.trials = 4;
  TrialWeights weights = InitialWeights(options, {3, 20, 1}, data.features);
  PatternTracker tracker(data.features, weights);
  weights.Keep(at::tensor({1, 3}, at::TensorOptions().device(at::kCPU).dtype(at::kLong)));
  tracker.Keep({1, 3});
  EXPECT_EQ(tracker.Count(weights, 0, 0).changed, 0);
  EXPECT_EQ(tracker.Count(weights, 1, 1).changed, 0);
  EXPECT_GT(tracker.Count(weights, 1, 0).changed, 0);
}

}  // namespace
}  // namespace cvxnn::descent
