// SPDX-License-Identifier: Apache-2.0
// Regularisation paths: every β as good as it would be alone, chosen as asked, and resumed as if never interrupted.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;

Spec PathSpec(Activation activation = Activation::kGated) {
  Spec spec;
  spec.seed = 3;
  spec.stopping.max_epochs = 20000;
  spec.stopping.tolerance = 1e-5;
  RegularizationPath path;
  path.convex.activation = activation;
  path.convex.patterns = SampledPatterns{20};
  path.convex.refinement = Refinement{.max_rounds = 0};
  path.points = 6;
  path.min_fraction = 0.02;
  spec.method = path;
  return spec;
}

RegularizationPath& PathOf(Spec& spec) { return std::get<RegularizationPath>(spec.method); }

class PathTrain : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, PathTrain, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(PathTrain, SolvesEveryBetaAsIfItWereAlone) {
  const Spec spec = PathSpec(GetParam());
  const data::Dataset dataset = SmallDataset();
  std::int64_t reports = 0;
  std::int32_t last_trial = 0;
  Hooks hooks;
  hooks.observer = [&](const EpochMetrics& metrics) {
    ++reports;
    EXPECT_GE(metrics.trial, last_trial);
    EXPECT_TRUE(metrics.beta.has_value());
    last_trial = metrics.trial;
    return Continue::kYes;
  };
  const auto path = Train(spec, dataset, hooks);
  ASSERT_TRUE(path.ok()) << path.status();
  ASSERT_EQ(path->models.size(), 6);
  EXPECT_EQ(last_trial, 5);
  EXPECT_EQ(path->models[0].network.neurons(), 0) << "at beta_max";
  EXPECT_TRUE(path->summary.certificate->verified) << path->summary.message;
  EXPECT_EQ(path->summary.termination, Termination::kConverged);
  double beta_before = 0;
  for (std::size_t i = 0; i < path->models.size(); ++i) {
    const EpochMetrics& metrics = path->models[i].final_metrics;
    EXPECT_EQ(metrics.trial, static_cast<std::int32_t>(i));
    if (i > 0) {
      EXPECT_NEAR(*metrics.beta / beta_before, std::pow(0.02, 0.2), 1e-12);
    }
    beta_before = *metrics.beta;
    Spec alone = spec;
    alone.beta = *metrics.beta;
    alone.method = std::get<RegularizationPath>(spec.method).convex;
    const auto single = Train(alone, dataset);
    ASSERT_TRUE(single.ok()) << single.status();
    EXPECT_NEAR(*metrics.objective, *single->models[0].final_metrics.objective, 3e-5 * *metrics.objective);
  }
  EXPECT_NEAR(beta_before, 0.02 * *path->models[0].final_metrics.beta, 1e-12);
}

TEST(Path, OverWorkingSetsAndByNewtonsMethodIsTheSamePath) {
  const data::Dataset dataset = SmallDataset();
  Spec spec = PathSpec(Activation::kGated);
  const auto whole = Train(spec, dataset);
  ASSERT_TRUE(whole.ok()) << whole.status();
  RegularizationPath& path = std::get<RegularizationPath>(spec.method);
  path.convex.working_set = WorkingSet::kOn;
  const auto over_sets = Train(spec, dataset);
  path.convex.working_set = WorkingSet::kAuto;
  path.convex.solver = ConvexSolver::kNewton;
  const auto by_newton = Train(spec, dataset);
  ASSERT_TRUE(over_sets.ok() && by_newton.ok());
  EXPECT_EQ(over_sets->summary.solver, "fista");
  EXPECT_EQ(by_newton->summary.solver, "newton");
  for (const auto* other : {&*over_sets, &*by_newton}) {
    EXPECT_EQ(other->summary.termination, Termination::kConverged);
    ASSERT_EQ(other->models.size(), whole->models.size());
    for (std::size_t i = 0; i < whole->models.size(); ++i) {
      const double objective = *whole->models[i].final_metrics.objective;
      EXPECT_NEAR(*other->models[i].final_metrics.objective, objective, 3e-5 * objective);
    }
  }
}

TEST(Path, ChoosesAsAskedAndSaysWhy) {
  const data::Dataset dataset = SmallDataset();
  Spec spec = PathSpec();
  const auto of_test = [](const TrainedModel& model) { return *model.final_metrics.test_accuracy; };
  const auto automatic = Train(spec, dataset);
  ASSERT_TRUE(automatic.ok());
  EXPECT_THAT(automatic->summary.message, HasSubstr("the largest test accuracy"));
  for (const TrainedModel& model : automatic->models) {
    EXPECT_LE(of_test(model), of_test(automatic->models[automatic->best]));
  }
  EXPECT_EQ(automatic->summary.beta, automatic->models[automatic->best].final_metrics.beta);

  PathOf(spec).selection = PathSelection::kTestLoss;
  const auto by_loss = Train(spec, dataset);
  ASSERT_TRUE(by_loss.ok());
  for (const TrainedModel& model : by_loss->models) {
    EXPECT_GE(*model.final_metrics.test_loss, *by_loss->models[by_loss->best].final_metrics.test_loss);
  }
  PathOf(spec).selection = PathSelection::kLeastBeta;
  EXPECT_EQ(Train(spec, dataset)->best, 5);

  data::Dataset untested = dataset;
  untested.test = {};
  PathOf(spec).selection = PathSelection::kAuto;
  const auto last = Train(spec, untested);
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_THAT(last->summary.message, HasSubstr("the least beta"));
  PathOf(spec).selection = PathSelection::kTestLoss;
  EXPECT_TRUE(absl::IsInvalidArgument(Train(spec, untested).status()));
}

// Stopped in the midst of a β and resumed from the checkpoint: the same models, bit for bit, and the same reports.
TEST_P(PathTrain, GoesOnFromACheckpoint) {
  const Spec spec = PathSpec(GetParam());
  const data::Dataset dataset = SmallDataset();
  std::vector<std::pair<std::int32_t, double>> whole, pieces;
  const auto record = [](auto* reports) {
    return [reports](const EpochMetrics& metrics) {
      reports->emplace_back(metrics.trial, *metrics.objective);
      return Continue::kYes;
    };
  };
  Hooks hooks;
  hooks.observer = record(&whole);
  const auto undisturbed = Train(spec, dataset, hooks);
  ASSERT_TRUE(undisturbed.ok());

  std::optional<Checkpoint> saved;
  bool stop = false;
  Hooks first;
  first.observer = [&](const EpochMetrics& metrics) {
    pieces.emplace_back(metrics.trial, *metrics.objective);
    stop = stop || (metrics.trial == 3 && metrics.epoch == 2);
    return Continue::kYes;
  };
  first.should_stop = [&] { return stop; };
  first.checkpoint_due = [&] { return stop; };
  first.save_checkpoint = [&](Checkpoint checkpoint) { saved = std::move(checkpoint); };
  const auto stopped = Train(spec, dataset, first);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->summary.termination, Termination::kStopped);
  ASSERT_TRUE(saved.has_value());
  ASSERT_LE(saved->reports, static_cast<std::int64_t>(pieces.size()));
  pieces.resize(static_cast<std::size_t>(saved->reports));
  EXPECT_EQ(pieces.back().first, 2) << "the checkpoint is after the last beta that was done";

  Hooks second;
  second.observer = record(&pieces);
  std::string state = saved->state;
  second.resume_from = &state;
  const auto resumed = Train(spec, dataset, second);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(pieces, whole);
  ASSERT_EQ(resumed->models.size(), undisturbed->models.size());
  for (std::size_t i = 0; i < resumed->models.size(); ++i) {
    EXPECT_TRUE(resumed->models[i].network.first_layer.equal(undisturbed->models[i].network.first_layer)) << i;
    EXPECT_EQ(resumed->models[i].final_metrics.objective, undisturbed->models[i].final_metrics.objective) << i;
  }
  EXPECT_EQ(resumed->summary.message, undisturbed->summary.message);
  EXPECT_EQ(resumed->summary.epochs, undisturbed->summary.epochs);

  // Not from another run's, nor from damaged bytes.
  Spec other = spec;
  PathOf(other).points = 7;
  second.observer = nullptr;
  state = saved->state;
  EXPECT_TRUE(absl::IsFailedPrecondition(Train(other, dataset, second).status()));
  state = saved->state;
  state[40] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(Train(spec, dataset, second).status()));
}

TEST(Path, KeepsWhatIsDoneWhenItsTimeIsUp) {
  Spec spec = PathSpec();
  PathOf(spec).points = 1000;
  spec.stopping.tolerance = 0;
  spec.stopping.max_epochs = 1000000;
  spec.stopping.max_seconds = 0.3;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kTimeLimit);
  EXPECT_LT(result->models.size(), 1000);
  EXPECT_FALSE(result->summary.certificate->verified);
}

TEST(Path, RefusesWhatIsOutOfRange) {
  const auto fault = [](auto change) {
    Spec spec = PathSpec();
    change(spec);
    return std::string(Validate(spec, SmallDataset()).message());
  };
  EXPECT_EQ(fault([](Spec& s) { PathOf(s).points = 1; }), "path.points = 1: must be in [2, 1000]");
  EXPECT_EQ(fault([](Spec& s) { PathOf(s).min_fraction = 1; }), "path.min_fraction = 1: must be above 0 and below 1");
  EXPECT_EQ(fault([](Spec& s) { s.beta = 1; }), "beta = 1: must be absent for a path, which has its own");
  EXPECT_EQ(fault([](Spec& s) { PathOf(s).convex.patterns = SampledPatterns{0}; }),
            "convex.patterns.sampled.count = 0: must be in [1, 1000000]");
}

}  // namespace
}  // namespace cvxnn::training
