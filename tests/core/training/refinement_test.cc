// SPDX-License-Identifier: Apache-2.0
// Refinement: the objective falls from round to round, to what no trial of descent is below.
#include "core/training/refinement.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/network/network.h"
#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;

// Outputs of a few neurons and noise: a random handful of patterns misses those neurons.
data::Dataset PlantedDataset(std::int64_t rows, std::int64_t inputs, std::int64_t outputs = 1) {
  data::RowMajor<double> x(rows, inputs), y = data::RowMajor<double>::Zero(rows, outputs);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < inputs; ++j) {
      x(i, j) = std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * static_cast<double>(j * j + 1));
    }
    for (std::int64_t k = 0; k < outputs; ++k) {
      for (std::int64_t h = 0; h < 3; ++h) {
        double product = 0;
        for (std::int64_t j = 0; j < inputs; ++j) {
          product += x(i, j) * std::cos(static_cast<double>(3 * j + 5 * h + 7 * k));
        }
        y(i, k) += (h == 1 ? -1 : 1) * std::max(0.0, product);
      }
      y(i, k) += 0.1 * std::sin(static_cast<double>(17 * i + k));
    }
  }
  data::Dataset dataset;
  dataset.train = {data::Matrix(x), data::Matrix(y)};
  dataset.description.task = data::Task::kRegression;
  return dataset;
}

Spec RefinedSpec(std::int64_t rounds) {
  Spec spec;
  spec.beta = 0.5;
  spec.seed = 1;
  spec.stopping.max_epochs = 20000;
  ConvexTraining convex;
  convex.activation = Activation::kRelu;
  convex.patterns = SampledPatterns{10};
  convex.refinement = Refinement{rounds, 64, 200};
  spec.method = convex;
  return spec;
}

double BestOfDescent(const Spec& spec, const data::Dataset& dataset) {
  Spec trials = spec;
  GradientDescent descent;
  descent.neurons = 20;
  descent.trials = 5;
  descent.optimizer = descent::Adam();
  descent.learning_rate = 0.02;
  trials.method = descent;
  trials.stopping.max_epochs = 2000;
  const auto result = Train(trials, dataset);
  EXPECT_TRUE(result.ok()) << result.status();
  return *result->models[result->best].final_metrics.objective;
}

TEST(Refinement, EndsAtOrBelowEveryTrialOfDescent) {
  for (const std::int64_t outputs : {1, 2}) {
    const data::Dataset dataset = PlantedDataset(40, 4, outputs);
    const auto restricted = Train(RefinedSpec(0), dataset);
    const auto refined = Train(RefinedSpec(10), dataset);
    ASSERT_TRUE(restricted.ok() && refined.ok()) << refined.status();
    const EpochMetrics& before = restricted->models[0].final_metrics;
    const EpochMetrics& after = refined->models[0].final_metrics;
    EXPECT_LT(*after.network_objective, 0.95 * *before.network_objective);
    EXPECT_LE(*after.network_objective, BestOfDescent(RefinedSpec(0), dataset) * (1 + 2e-4));
    EXPECT_TRUE(refined->summary.certificate->searched) << refined->summary.message;
    EXPECT_TRUE(refined->summary.certificate->restricted);
    EXPECT_TRUE(refined->summary.certificate->verified) << refined->summary.message;
    EXPECT_THAT(refined->summary.message,
                HasSubstr("found no pattern that would lower it further by more than the tolerance"));
    EXPECT_FALSE(restricted->summary.certificate->searched);
    EXPECT_FALSE(before.round.has_value());
    EXPECT_GE(after.round.value_or(0), 1);
  }
}

TEST(Refinement, ReachesTheGlobalOptimumOfEnumeratedPatterns) {
  const data::Dataset dataset = PlantedDataset(14, 2);
  Spec global = RefinedSpec(5);
  std::get<ConvexTraining>(global.method).patterns = EnumeratedPatterns();
  const auto optimum = Train(global, dataset);
  const auto refined = Train(RefinedSpec(10), dataset);
  ASSERT_TRUE(optimum.ok() && refined.ok());
  EXPECT_FALSE(optimum->summary.certificate->restricted);
  EXPECT_FALSE(optimum->models[0].final_metrics.round.has_value());
  const double least = *optimum->models[0].final_metrics.network_objective;
  EXPECT_NEAR(*refined->models[0].final_metrics.network_objective, least, 3e-4 * least);
}

TEST(Refinement, NumbersEpochsWithoutAGapAndNeverRaisesTheModel) {
  const data::Dataset dataset = PlantedDataset(40, 4);
  std::int64_t last_epoch = 0, last_round = 0;
  double seconds = 0;
  const auto all = Train(RefinedSpec(4), dataset,
                         {[&](const EpochMetrics& metrics) {
                            EXPECT_EQ(metrics.epoch, ++last_epoch);
                            EXPECT_GE(metrics.round.value_or(-1), last_round);
                            EXPECT_LE(metrics.round.value_or(-1), last_round + 1);
                            EXPECT_GE(metrics.seconds, seconds);
                            last_round = metrics.round.value_or(-1);
                            seconds = metrics.seconds;
                            return Continue::kYes;
                          },
                          {}});
  ASSERT_TRUE(all.ok());
  EXPECT_GE(last_round, 1);
  EXPECT_EQ(all->summary.epochs, last_epoch);
  double best = std::numeric_limits<double>::infinity();
  for (std::int64_t rounds = 0; rounds <= 4; ++rounds) {
    const auto result = Train(RefinedSpec(rounds), dataset);
    ASSERT_TRUE(result.ok());
    const EpochMetrics& metrics = result->models[0].final_metrics;
    EXPECT_LE(*metrics.network_objective, best * (1 + 1e-9)) << rounds;
    best = *metrics.network_objective;
  }
}

TEST(Refinement, WorksWithoutDescent) {
  const data::Dataset dataset = PlantedDataset(40, 4);
  Spec spec = RefinedSpec(8);
  std::get<ConvexTraining>(spec.method).refinement->descent_epochs = 0;
  const auto restricted = Train(RefinedSpec(0), dataset), refined = Train(spec, dataset);
  ASSERT_TRUE(restricted.ok() && refined.ok()) << refined.status();
  EXPECT_LT(*refined->models[0].final_metrics.network_objective,
            0.95 * *restricted->models[0].final_metrics.network_objective);
}

TEST(Refinement, EndsWithItsStoppingRule) {
  const data::Dataset dataset = PlantedDataset(40, 4);
  Spec spec = RefinedSpec(100);
  const auto first = Train(RefinedSpec(0), dataset);
  ASSERT_TRUE(first.ok());
  spec.stopping.max_epochs = first->summary.epochs + 3;
  const auto limited = Train(spec, dataset);
  ASSERT_TRUE(limited.ok());
  EXPECT_LE(limited->summary.epochs, spec.stopping.max_epochs);
  EXPECT_EQ(limited->summary.termination, Termination::kEpochLimit) << limited->summary.message;

  spec.stopping.max_epochs = 20000;
  const auto stopped = Train(
      spec, dataset,
      {[](const EpochMetrics& metrics) { return metrics.round.value_or(0) == 1 ? Continue::kStop : Continue::kYes; },
       {}});
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->summary.termination, Termination::kStopped);
  EXPECT_LE(*stopped->models[0].final_metrics.network_objective,
            *first->models[0].final_metrics.network_objective * (1 + 1e-9));
}

TEST(Refinement, IsTheDefaultWhereItIsExactAndTheSolverIsOpen) {
  const auto refines = [](const std::function<void(Spec&, ConvexTraining&)>& change, std::int64_t outputs = 1) {
    Spec spec = RefinedSpec(0);
    ConvexTraining convex = std::get<ConvexTraining>(spec.method);
    convex.refinement.reset();
    change(spec, convex);
    return RefinementOf(spec, convex, outputs).has_value();
  };
  EXPECT_TRUE(refines([](Spec&, ConvexTraining&) {}));
  EXPECT_TRUE(refines([](Spec& s, ConvexTraining&) { s.loss = Loss::kLogistic; }));
  EXPECT_TRUE(refines([](Spec& s, ConvexTraining&) { s.penalty = Penalty::kWeightDecay; }));
  EXPECT_TRUE(refines([](Spec&, ConvexTraining& c) { c.patterns = ModelPatterns{"models/a"}; }));
  EXPECT_TRUE(refines([](Spec&, ConvexTraining& c) { c.patterns = GivenPatterns(); }));
  EXPECT_FALSE(refines([](Spec& s, ConvexTraining&) { s.penalty = Penalty::kWeightDecay; }, 2));
  EXPECT_FALSE(refines([](Spec& s, ConvexTraining&) { s.penalty = Penalty::kL1; }));
  EXPECT_FALSE(refines([](Spec& s, ConvexTraining&) { s.loss = Loss::kHinge; }));
  EXPECT_FALSE(refines([](Spec&, ConvexTraining& c) { c.activation = Activation::kGated; }));
  EXPECT_FALSE(refines([](Spec&, ConvexTraining& c) { c.patterns = EnumeratedPatterns(); }));
  EXPECT_FALSE(refines([](Spec&, ConvexTraining& c) { c.solver = ConvexSolver::kAdmm; }));
  EXPECT_FALSE(refines([](Spec&, ConvexTraining& c) { c.refinement = Refinement{.max_rounds = 0}; }));
  EXPECT_TRUE(refines([](Spec& s, ConvexTraining& c) {
    s.loss = Loss::kHinge;
    c.solver = ConvexSolver::kAdmm;
    c.refinement = Refinement{.max_rounds = 2};
  }));
}

TEST(Refinement, FinishesWhatNobodySaidMoreAbout) {
  const data::Dataset dataset = PlantedDataset(40, 4);
  Spec spec = RefinedSpec(0);
  const auto restricted = Train(spec, dataset);
  std::get<ConvexTraining>(spec.method).refinement.reset();
  const auto finished = Train(spec, dataset);
  ASSERT_TRUE(restricted.ok() && finished.ok()) << finished.status();
  EXPECT_LT(*finished->models[0].final_metrics.network_objective,
            0.95 * *restricted->models[0].final_metrics.network_objective);
  EXPECT_LE(*finished->models[0].final_metrics.network_objective, BestOfDescent(spec, dataset) * (1 + 2e-4));
  EXPECT_TRUE(finished->summary.certificate->searched) << finished->summary.message;
  EXPECT_THAT(finished->summary.message, HasSubstr("rounds of refinement took the network from"));
}

TEST(Refinement, IsRefusedForGatedNetworksAndOutOfRange) {
  Spec spec = RefinedSpec(3);
  std::get<ConvexTraining>(spec.method).activation = Activation::kGated;
  EXPECT_EQ(Validate(spec, SmallDataset()).message(),
            "convex.refinement.max_rounds = 3: must be 0 for the gated activation, whose gates are fixed");
  spec = RefinedSpec(1001);
  EXPECT_EQ(Validate(spec, SmallDataset()).message(), "convex.refinement.max_rounds = 1001: must be in [0, 1000]");
  spec = RefinedSpec(1);
  std::get<ConvexTraining>(spec.method).refinement->search_starts = 0;
  EXPECT_EQ(Validate(spec, SmallDataset()).message(), "convex.refinement.search_starts = 0: must be in [1, 100000]");
}

}  // namespace
}  // namespace cvxnn::training
