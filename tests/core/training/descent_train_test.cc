// SPDX-License-Identifier: Apache-2.0
// Train() with gradient descent: trials and grids, where they begin and where they go on.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/descent/checkpoint.h"
#include "core/network/network.h"
#include "core/training/train.h"
#include "tests/core/training/model_objective.h"
#include "tests/core/training/small_dataset.h"
#include "tests/core/training/small_specs.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(DescentTrain, GivesOneModelATrialAndNamesTheBest) {
  const Spec spec = SmallDescentSpec();
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->models.size(), 3U);
  for (std::size_t t = 0; t < 3; ++t) {
    const EpochMetrics& metrics = result->models[t].final_metrics;
    EXPECT_EQ(metrics.trial, static_cast<std::int32_t>(t));
    EXPECT_EQ(metrics.epoch, 25);
    const double objective = Objective(spec, result->models[t].network, SmallDataset(), *spec.beta);
    EXPECT_NEAR(objective, *metrics.objective, 1e-9 * objective);
    EXPECT_GE(*metrics.objective, *result->models[result->best].final_metrics.objective);
    EXPECT_FALSE(metrics.lower_bound.has_value());
  }
  EXPECT_EQ(result->summary.termination, Termination::kEpochLimit);
  EXPECT_EQ(result->summary.solver, "sgd");
  EXPECT_EQ(result->summary.epochs, 75);
  EXPECT_FALSE(result->summary.certificate.has_value());
}

TEST(DescentTrain, ReportsEveryTrialOfEveryEpochFromZero) {
  std::vector<std::pair<std::int64_t, std::int32_t>> seen;
  Spec spec = SmallDescentSpec();
  spec.stopping.max_epochs = 2;
  const auto result = Train(spec, SmallDataset(),
                            {[&](const EpochMetrics& metrics) {
                               seen.emplace_back(metrics.epoch, metrics.trial);
                               return Continue::kYes;
                             },
                             {}});
  ASSERT_TRUE(result.ok());
  using P = std::pair<std::int64_t, std::int32_t>;
  EXPECT_THAT(seen,
              testing::ElementsAre(P(0, 0), P(0, 1), P(0, 2), P(1, 0), P(1, 1), P(1, 2), P(2, 0), P(2, 1), P(2, 2)));
}

TEST(DescentTrain, SaysThatAllTrialsDiverged) {
  Spec spec = SmallDescentSpec();
  std::get<GradientDescent>(spec.method).learning_rate = 1e6;
  spec.stopping.max_epochs = 500;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kDiverged);
  EXPECT_TRUE(result->models[0].diverged);
  EXPECT_THAT(result->summary.message, HasSubstr("All 3 trials diverged"));
}

TEST(DescentTrain, SaysThatBatchesLargerThanTheDataAreTheFullBatch) {
  Spec spec = SmallDescentSpec();
  const auto full = Train(spec, SmallDataset());
  std::get<GradientDescent>(spec.method).batch_size = 1000;
  const auto larger = Train(spec, SmallDataset());
  ASSERT_TRUE(full.ok() && larger.ok());
  EXPECT_THAT(larger->summary.message, HasSubstr("Batches of 1000 are more than the 24 rows: each step took all of"));
  EXPECT_THAT(full->summary.message, Not(HasSubstr("Batches")));
  EXPECT_EQ(*larger->models[0].final_metrics.objective, *full->models[0].final_metrics.objective);
}

TEST(DescentTrain, RefusesLabelsThatDoNotFitTheLoss) {
  Spec spec = SmallDescentSpec();
  spec.loss = Loss::kLogistic;
  const absl::Status status = Train(spec, SmallMulticlassDataset()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("must be -1 or +1 for the logistic loss"));
  spec.loss = Loss::kCrossEntropy;
  EXPECT_TRUE(Train(spec, SmallMulticlassDataset()).ok());
}

// A library of one model.
Hooks HooksWith(const std::string& name, const Network& network) {
  Hooks hooks;
  hooks.load_model = [=](const std::string& asked) -> absl::StatusOr<Network> {
    if (asked != name) return absl::NotFoundError(asked + ": no such model");
    return network;
  };
  return hooks;
}

TEST(DescentTrain, GoesOnFromAStoredModel) {
  Spec spec = SmallDescentSpec();
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.trials = 1;
  const auto twenty_five = Train(spec, SmallDataset());
  ASSERT_TRUE(twenty_five.ok());
  EXPECT_THAT(twenty_five->summary.message, testing::ContainsRegex("^Objective [0-9.e+-]+ after 25 epochs\\."));
  descent.initialization = descent::FromModels{{"models/a"}};
  descent.trials = 2;
  descent.neurons = 1;  // not used: the width is the model's
  const auto again = Train(spec, SmallDataset(), HooksWith("models/a", twenty_five->models[0].network));
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->models.size(), 2U);
  EXPECT_EQ(again->models[0].network.neurons(), 8);

  descent.initialization = descent::TorchLinear();
  descent.trials = 1;
  descent.neurons = 8;
  spec.stopping.max_epochs = 50;
  const auto fifty = Train(spec, SmallDataset());
  ASSERT_TRUE(fifty.ok());
  for (const TrainedModel& model : again->models) {
    EXPECT_TRUE(at::equal(model.network.first_layer, fifty->models[0].network.first_layer));
  }
}

TEST(DescentTrain, RefusesModelsThatDoNotFit) {
  Spec spec = SmallDescentSpec();
  std::get<GradientDescent>(spec.method).initialization = descent::FromModels{{"models/a"}};
  EXPECT_EQ(Train(spec, SmallDataset()).status().code(), absl::StatusCode::kFailedPrecondition);

  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  Network network{Activation::kRelu, at::ones({7, 2}, options), at::ones({2, 1}, options), {}};
  EXPECT_EQ(Train(spec, SmallDataset(), HooksWith("models/b", network)).status().code(), absl::StatusCode::kNotFound);
  const absl::Status shape = Train(spec, SmallDataset(), HooksWith("models/a", network)).status();
  EXPECT_EQ(shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shape.message()), HasSubstr("from_models.models: models/a has 7 inputs and 1 outputs"));
  network = {Activation::kRelu, at::ones({3, 0}, options), at::ones({0, 1}, options), {}};
  EXPECT_THAT(std::string(Train(spec, SmallDataset(), HooksWith("models/a", network)).status().message()),
              HasSubstr("models/a has no neurons"));
}

TEST(DescentTrain, SaysThatLbfgsConverged) {
  Spec spec = SmallDescentSpec();
  spec.beta = 0.3;
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.optimizer = descent::Lbfgs();
  descent.learning_rate.reset();
  spec.stopping.max_epochs = 5000;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kConverged);
  EXPECT_EQ(result->summary.solver, "lbfgs");
  EXPECT_THAT(result->summary.message, HasSubstr("every trial reached the optimiser's tolerance"));
}

TEST(DescentTrain, SaysThatLbfgsStalled) {
  Spec spec = SmallDescentSpec();
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.optimizer = descent::Lbfgs();
  descent.learning_rate = 1e20;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kStalled);
  EXPECT_THAT(result->summary.message, HasSubstr("; 3 stalled, their line searches found no acceptable step"));
}

TEST(DescentTrain, OfAGridSaysWhatEachTrialWasGiven) {
  Spec spec = SmallDescentSpec();
  spec.beta.reset();
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.learning_rate.reset();
  descent.grid = {{12}, {3, 8}, {0.05, 1e6}, {0.01, 0.1}};
  descent.reports.every_epochs = 10;
  std::size_t reports = 0;
  spec.stopping.max_epochs = 100;
  const auto result = Train(spec, SmallDataset(),
                            {[&](const EpochMetrics& metrics) {
                               ++reports;
                               EXPECT_TRUE(metrics.gradient_norm.has_value() || metrics.objective.value_or(0) > 1e6);
                               return Continue::kYes;
                             },
                             {}});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->models.size(), 24U);
  std::size_t diverged = 0;
  for (std::size_t number = 0; number < 24; ++number) {
    const TrainedModel& model = result->models[number];
    ASSERT_TRUE(model.setting.has_value());
    const TrialSetting setting = model.setting.value_or(TrialSetting());
    EXPECT_EQ(setting.training_rows, 12);
    EXPECT_EQ(setting.neurons, number < 12 ? 3 : 8);
    EXPECT_EQ(model.network.neurons(), setting.neurons);
    EXPECT_EQ(setting.learning_rate, number / 6 % 2 == 0 ? 0.05 : 1e6);
    EXPECT_EQ(setting.beta, number / 3 % 2 == 0 ? 0.01 : 0.1);
    EXPECT_EQ(model.final_metrics.trial, static_cast<std::int32_t>(number));
    EXPECT_EQ(model.diverged, model.diverged_epoch.has_value());
    EXPECT_EQ(model.diverged, setting.learning_rate == 1e6);
    diverged += model.diverged ? 1 : 0;
    if (!model.diverged) {
      data::Dataset fewer = SmallDataset();
      fewer.train = SmallPart(12, 0);
      EXPECT_NEAR(Objective(spec, model.network, fewer, setting.beta), *model.final_metrics.objective, 1e-9);
    }
  }
  EXPECT_GE(reports, 12 * 11U + 12);
  EXPECT_EQ(diverged, 12U);
  EXPECT_EQ(result->summary.beta, 0.01);
  EXPECT_THAT(result->summary.message, HasSubstr("neurons, learning rate 0.05, beta 0.01) is the best of 24"));
  EXPECT_THAT(result->summary.message, HasSubstr("; 12 diverged"));
}

TEST(DescentTrain, GoesOnFromACheckpoint) {
  const Spec spec = SmallDescentSpec();
  const auto whole = Train(spec, SmallDataset());
  ASSERT_TRUE(whole.ok());
  Hooks hooks;
  std::int64_t reports = 0;
  bool stop = false;
  hooks.observer = [&](const EpochMetrics& metrics) {
    ++reports;
    stop = metrics.epoch >= 10;
    return Continue::kYes;
  };
  hooks.should_stop = [&] { return stop; };
  hooks.checkpoint_due = [&] { return stop; };
  Checkpoint last;
  hooks.save_checkpoint = [&](Checkpoint checkpoint) { last = std::move(checkpoint); };
  const auto stopped = Train(spec, SmallDataset(), hooks);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->summary.termination, Termination::kStopped);
  EXPECT_EQ(last.reports, 3 * 11);
  Hooks rest;
  rest.observer = [&](const EpochMetrics& metrics) {
    EXPECT_GT(metrics.epoch, 10);
    ++reports;
    return Continue::kYes;
  };
  std::string state = last.state;
  rest.resume_from = &state;
  const auto resumed = Train(spec, SmallDataset(), rest);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(reports, 3 * 26);
  EXPECT_EQ(resumed->summary.epochs, 75);
  for (std::size_t t = 0; t < 3; ++t) {
    EXPECT_TRUE(at::equal(resumed->models[t].network.first_layer, whole->models[t].network.first_layer));
  }
  EXPECT_TRUE(state.empty()) << "a large state is not held for the whole run";
  EXPECT_GE(resumed->summary.seconds, resumed->models.front().final_metrics.seconds) << "both count the first attempt";
  state = last.state.substr(0, 100);
  const absl::Status damaged = Train(spec, SmallDataset(), rest).status();
  EXPECT_EQ(damaged.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(descent::IsCheckpointRefused(damaged));
  state = last.state;
  Spec other = spec;
  other.seed = 9;
  const absl::Status status = Train(other, SmallDataset(), rest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("its seed is \"0\", not \"9\""));
  EXPECT_TRUE(descent::IsCheckpointRefused(status));
}

TEST(DescentTrain, GivesSnapshots) {
  Spec spec = SmallDescentSpec();
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.snapshots = descent::Snapshots{descent::PerDecade{1}};
  std::vector<std::pair<std::int64_t, std::int32_t>> seen;
  Hooks hooks;
  hooks.on_snapshot = [&](const Snapshot& snapshot) {
    seen.emplace_back(snapshot.metrics.epoch, snapshot.trial);
    EXPECT_EQ(snapshot.network.neurons(), snapshot.setting.neurons);
    EXPECT_NEAR(Objective(spec, snapshot.network, SmallDataset(), *spec.beta), *snapshot.metrics.objective, 1e-9);
    return absl::OkStatus();
  };
  ASSERT_TRUE(Train(spec, SmallDataset(), hooks).ok());
  using P = std::pair<std::int64_t, std::int32_t>;
  EXPECT_THAT(seen,
              testing::ElementsAre(P(0, 0), P(0, 1), P(0, 2), P(1, 0), P(1, 1), P(1, 2), P(10, 0), P(10, 1), P(10, 2)));
  hooks.on_snapshot = [](const Snapshot&) { return absl::UnavailableError("no room"); };
  EXPECT_EQ(Train(spec, SmallDataset(), hooks).status(), absl::UnavailableError("no room"));
  descent.snapshots = descent::Snapshots{descent::EveryEpochs{1}};
  spec.stopping.max_epochs = 5000;
  EXPECT_THAT(std::string(Train(spec, SmallDataset(), hooks).status().message()),
              HasSubstr("descent.snapshots = 5001 epochs of 3 trials: must be at most 10000 snapshots in all"));
}

}  // namespace
}  // namespace cvxnn::training
