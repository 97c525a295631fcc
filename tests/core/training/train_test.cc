// SPDX-License-Identifier: Apache-2.0
// Train(): specs in, networks and an honest report out.
#include "core/training/train.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/descent/checkpoint.h"
#include "core/network/network.h"
#include "core/training/tensors.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;
using testing::Not;

Spec ConvexSpec(Activation activation) {
  Spec spec;
  spec.beta_max_fraction = 0.05;
  spec.seed = 3;
  spec.stopping.max_epochs = 20000;
  spec.stopping.tolerance = 1e-4;
  ConvexTraining convex;
  convex.activation = activation;
  convex.patterns = SampledPatterns{20};
  convex.refinement = Refinement{.max_rounds = 0};
  spec.method = convex;
  return spec;
}

Spec DescentSpec() {
  Spec spec;
  spec.beta = 0.01;
  spec.loss_scale = LossScale::kMean;
  spec.stopping.max_epochs = 25;
  GradientDescent descent;
  descent.neurons = 8;
  descent.trials = 3;
  descent.learning_rate = 0.05;
  spec.method = descent;
  return spec;
}

// The objective of a model, from the network room alone.
double Objective(const Spec& spec, const Network& network, const data::Dataset& dataset, double beta) {
  const TensorData data = ToTensors(dataset, c10::Device("cpu"), Precision::kFloat64);
  return LossValue(spec.loss, spec.loss_scale, Forward(network, data.features), data.targets) +
         PenaltyValue(spec.penalty, beta, network);
}

class ConvexTrain : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, ConvexTrain, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(ConvexTrain, GivesANetworkWithTheObjectiveItReports) {
  const Spec spec = ConvexSpec(GetParam());
  for (const data::Dataset& dataset : {SmallDataset(), SmallMulticlassDataset()}) {
    const auto result = Train(spec, dataset);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->models.size(), 1U);
    const EpochMetrics& metrics = result->models[0].final_metrics;
    const double objective = Objective(spec, result->models[0].network, dataset, result->summary.beta);
    EXPECT_NEAR(objective, *metrics.network_objective, 1e-9 * objective);
    EXPECT_NEAR(objective, *metrics.objective, 2e-3 * objective);
    EXPECT_LE(*metrics.lower_bound, *metrics.objective * (1 + 1e-4));
  }
}

TEST_P(ConvexTrain, SaysRestrictedAndVerified) {
  const auto result = Train(ConvexSpec(GetParam()), SmallDataset());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->summary.termination, Termination::kConverged);
  ASSERT_TRUE(result->summary.certificate.has_value());
  EXPECT_TRUE(result->summary.certificate->restricted);
  EXPECT_TRUE(result->summary.certificate->verified);
  EXPECT_THAT(result->summary.message, HasSubstr("; verified, restricted to these patterns."));
  EXPECT_EQ(result->summary.solver, GetParam() == Activation::kGated ? "fista" : "admm");
  EXPECT_EQ(result->summary.precision, Precision::kFloat64);
  EXPECT_EQ(result->summary.device, "cpu");
  EXPECT_GT(result->summary.patterns, 0);
  EXPECT_LE(result->summary.patterns, 20);
}

TEST_P(ConvexTrain, SaysNotVerifiedWhenItEndsEarly) {
  Spec spec = ConvexSpec(GetParam());
  spec.stopping.max_epochs = 2;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->summary.termination, Termination::kEpochLimit);
  EXPECT_FALSE(result->summary.certificate->verified);
  EXPECT_THAT(result->summary.message, HasSubstr("not verified"));
}

TEST_P(ConvexTrain, CallsTheObserverOnceAnEpoch) {
  Spec spec = ConvexSpec(GetParam());
  spec.stopping.max_epochs = 12;
  spec.stopping.tolerance = 0;
  std::vector<EpochMetrics> seen;
  const auto result = Train(spec, SmallDataset(),
                            {[&](const EpochMetrics& metrics) {
                               seen.push_back(metrics);
                               return Continue::kYes;
                             },
                             {}});
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(seen.size(), 12U);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].epoch, static_cast<std::int64_t>(i) + 1);
    EXPECT_TRUE(seen[i].objective && seen[i].loss && seen[i].penalty && seen[i].lower_bound && seen[i].gap);
    EXPECT_TRUE(seen[i].train_accuracy && seen[i].test_accuracy && seen[i].test_loss && seen[i].network_objective);
    EXPECT_EQ(seen[i].constraint_violation.has_value(), GetParam() == Activation::kRelu);
    EXPECT_NEAR(*seen[i].gap, (*seen[i].objective - *seen[i].lower_bound) / *seen[i].objective, 1e-12);
  }
}

TEST_P(ConvexTrain, StopsInTheEpochInWhichItIsAsked) {
  const auto by_observer =
      Train(ConvexSpec(GetParam()), SmallDataset(),
            {[](const EpochMetrics& metrics) { return metrics.epoch < 4 ? Continue::kYes : Continue::kStop; }, {}});
  ASSERT_TRUE(by_observer.ok());
  EXPECT_EQ(by_observer->summary.termination, Termination::kStopped);
  EXPECT_EQ(by_observer->summary.epochs, 4);

  const auto at_once = Train(ConvexSpec(GetParam()), SmallDataset(), {{}, [] { return true; }});
  ASSERT_TRUE(at_once.ok()) << at_once.status();
  EXPECT_EQ(at_once->summary.termination, Termination::kStopped);
  EXPECT_EQ(at_once->summary.epochs, 0);
  EXPECT_EQ(at_once->models[0].network.neurons(), 0);
}

TEST_P(ConvexTrain, GivesTheZeroNetworkFromBetaMaxOnAndSaysSo) {
  Spec spec = ConvexSpec(GetParam());
  spec.beta_max_fraction = 1;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->models[0].network.neurons(), 0);
  EXPECT_TRUE(Validate(result->models[0].network).ok());
  EXPECT_EQ(result->summary.termination, Termination::kConverged);
  EXPECT_TRUE(result->summary.certificate->verified);
  EXPECT_THAT(result->summary.message, HasSubstr("the zero network is optimal"));
}

TEST_P(ConvexTrain, GivesTheSameResultForTheSameSpec) {
  const auto first = Train(ConvexSpec(GetParam()), SmallDataset()),
             again = Train(ConvexSpec(GetParam()), SmallDataset());
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_TRUE(at::equal(first->models[0].network.first_layer, again->models[0].network.first_layer));
}

TEST_P(ConvexTrain, AgreesInSinglePrecision) {
  Spec spec = ConvexSpec(GetParam());
  const auto wide = Train(spec, SmallDataset());
  spec.precision = Precision::kFloat32;
  spec.stopping.tolerance = 1e-3;
  const auto narrow = Train(spec, SmallDataset());
  ASSERT_TRUE(wide.ok() && narrow.ok());
  EXPECT_EQ(narrow->summary.precision, Precision::kFloat32);
  EXPECT_EQ(narrow->models[0].network.first_layer.scalar_type(), at::kFloat);
  EXPECT_NEAR(*narrow->models[0].final_metrics.objective, *wide->models[0].final_metrics.objective,
              5e-3 * *wide->models[0].final_metrics.objective);
}

TEST_P(ConvexTrain, TakesFeatureSparseGates) {
  Spec spec = ConvexSpec(GetParam());
  std::get<ConvexTraining>(spec.method).patterns = SampledPatterns{20, 1};
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  // Signs of one column each; the column of ones gives one pattern that is active somewhere.
  EXPECT_LE(result->summary.patterns, 5);
  const Network& network = result->models[0].network;
  if (GetParam() == Activation::kGated) {
    EXPECT_TRUE(network.gates.ne(0).sum(0).eq(1).all().item<bool>());
  }
}

TEST_P(ConvexTrain, ByInteriorPointGivesManyDigits) {
  Spec spec = ConvexSpec(GetParam());
  const auto rough = Train(spec, SmallDataset());
  spec.stopping.tolerance = 1e-9;
  std::get<ConvexTraining>(spec.method).solver = ConvexSolver::kInteriorPoint;
  const auto exact = Train(spec, SmallDataset());
  ASSERT_TRUE(rough.ok() && exact.ok()) << exact.status();
  EXPECT_EQ(exact->summary.solver, "interior_point");
  EXPECT_TRUE(exact->summary.certificate->verified) << exact->summary.message;
  EXPECT_LE(exact->summary.epochs, 40);
  EXPECT_NEAR(*exact->models[0].final_metrics.objective, *rough->models[0].final_metrics.objective,
              3e-4 * *exact->models[0].final_metrics.objective);
  const double objective = Objective(spec, exact->models[0].network, SmallDataset(), exact->summary.beta);
  EXPECT_NEAR(objective, *exact->models[0].final_metrics.objective, 1e-8 * objective);
}

TEST_P(ConvexTrain, ByThePenaltyMethodComesNearAndSaysHowNear) {
  Spec spec = ConvexSpec(GetParam());
  const auto exact = Train(spec, SmallDataset());
  auto& convex = std::get<ConvexTraining>(spec.method);
  convex.solver = ConvexSolver::kPenalty;
  convex.penalty_method =
      PenaltyMethod{.rho = 10, .optimizer = descent::Adam(), .learning_rate = 0.02, .batch_size = 8};
  convex.penalty_method->schedule.kind = descent::CosineAnnealing{500};
  spec.stopping.max_epochs = 500;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(exact.ok() && result.ok()) << result.status();
  EXPECT_EQ(result->summary.solver, "penalty");
  const EpochMetrics& metrics = result->models[0].final_metrics;
  // The iterate that is given is the nearest by gap and violation together.
  EXPECT_NEAR(*metrics.objective, *exact->models[0].final_metrics.objective, 0.2 * *metrics.objective);
  EXPECT_TRUE(metrics.network_objective.has_value());
  EXPECT_LE(*metrics.lower_bound, *exact->models[0].final_metrics.objective * (1 + 1e-9));
  EXPECT_GT(*metrics.lower_bound, 0);
}

TEST(ConvexTrainOverWorkingSets, SaysWhatTheyWere) {
  Spec spec = ConvexSpec(Activation::kGated);
  const auto whole = Train(spec, SmallDataset());
  std::get<ConvexTraining>(spec.method).working_set = WorkingSet::kOn;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(whole.ok() && result.ok()) << result.status();
  EXPECT_THAT(result->summary.message, testing::ContainsRegex("It worked on at most [0-9]+ of the [0-9]+ patterns"));
  EXPECT_THAT(whole->summary.message, Not(HasSubstr("It worked on")));
  EXPECT_NEAR(*result->models[0].final_metrics.objective, *whole->models[0].final_metrics.objective,
              2 * spec.stopping.tolerance * *whole->models[0].final_metrics.objective);
}

TEST_P(ConvexTrain, SaysWhyItsSolverWasChosen) {
  Spec spec = ConvexSpec(GetParam());
  const auto rough = Train(spec, SmallDataset());
  ASSERT_TRUE(rough.ok());
  EXPECT_THAT(rough->summary.message,
              HasSubstr(GetParam() == Activation::kGated ? "Solved by FISTA, since" : "Solved by ADMM, since"));
  spec.stopping.tolerance = 1e-8;
  const auto tight = Train(spec, SmallDataset());
  ASSERT_TRUE(tight.ok());
  EXPECT_EQ(tight->summary.solver, "interior_point");
  EXPECT_THAT(tight->summary.message,
              HasSubstr("Solved by interior point, since a tolerance of 1e-08 is tight and the program small."));
  // float32 cannot hold what it does.
  spec.precision = Precision::kFloat32;
  spec.stopping.max_epochs = 5;
  const auto narrow = Train(spec, SmallDataset());
  ASSERT_TRUE(narrow.ok());
  EXPECT_NE(narrow->summary.solver, "interior_point");
  spec.precision = Precision::kAuto;
  std::get<ConvexTraining>(spec.method).solver =
      GetParam() == Activation::kGated ? ConvexSolver::kFista : ConvexSolver::kAdmm;
  const auto named = Train(spec, SmallDataset());
  ASSERT_TRUE(named.ok());
  EXPECT_THAT(named->summary.message, Not(HasSubstr("Solved by")));
}

TEST(ConvexTrainWithOtherLosses, IsCertifiedAndGivesANetworkWithTheObjectiveItReports) {
  for (const auto& [loss, dataset] :
       {std::pair(Loss::kLogistic, SmallDataset()), std::pair(Loss::kSquaredHinge, SmallDataset()),
        std::pair(Loss::kCrossEntropy, SmallMulticlassDataset())}) {
    Spec spec = ConvexSpec(Activation::kGated);
    spec.loss = loss;
    const auto result = Train(spec, dataset);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->summary.certificate->verified) << result->summary.message;
    const double objective = Objective(spec, result->models[0].network, dataset, result->summary.beta);
    EXPECT_NEAR(objective, *result->models[0].final_metrics.objective, 1e-9 * objective);
    EXPECT_GT(result->models[0].network.neurons(), 0);
  }
}

TEST(ConvexTrainWithOtherLosses, RefusesTargetsThatDoNotFit) {
  Spec spec = ConvexSpec(Activation::kGated);
  spec.loss = Loss::kLogistic;
  const absl::Status status = Train(spec, SmallMulticlassDataset()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("must be -1 or +1 for the logistic loss"));
}

TEST(ConvexTrainInNumericalTrouble, SaysSoAndKeepsTheBestAnswer) {
  for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
    Spec spec = ConvexSpec(activation);
    spec.stopping.tolerance = 1e-5;
    data::Dataset dataset = SmallDataset();
    double best = std::numeric_limits<double>::infinity();
    Hooks hooks;
    hooks.observer = [&](const EpochMetrics& metrics) {
      best = std::min(best, *metrics.objective);
      // Tensors on the CPU share the memory of the data set.
      if (metrics.epoch == 3) {
        auto* const values = static_cast<double*>(dataset.train.features.mutable_data());
        std::fill_n(values, dataset.train.features.size(), std::numeric_limits<double>::quiet_NaN());
      }
      return Continue::kYes;
    };
    const auto result = Train(spec, dataset, hooks);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->summary.termination, Termination::kNumericalTrouble) << result->summary.message;
    EXPECT_THAT(result->summary.message, HasSubstr("Numbers failed ("));
    EXPECT_THAT(result->summary.message, HasSubstr("not verified"));
    EXPECT_FALSE(result->summary.certificate->verified);
    EXPECT_TRUE(result->models[0].network.first_layer.isfinite().all().item<bool>());
    EXPECT_GE(*result->models[0].final_metrics.objective, best);
  }
}

TEST(ConvexTrainOnOneClass, AnswersWithACertificate) {
  data::Dataset dataset = SmallDataset();
  for (data::Part* part : {&dataset.train, &dataset.test}) {
    std::fill_n(static_cast<double*>(part->targets.mutable_data()), part->targets.size(), 1.0);
  }
  // Of two classes both must have rows.
  EXPECT_EQ(Train(ConvexSpec(Activation::kGated), dataset).status().message(),
            "class \"no\" has no rows in the training part: must have >= 1");
  dataset.description.task = data::Task::kRegression;
  dataset.description.class_names.clear();
  for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
    for (const Loss loss : {Loss::kSquared, Loss::kLogistic, Loss::kHinge, Loss::kSquaredHinge}) {
      Spec spec = ConvexSpec(activation);
      spec.loss = loss;
      spec.stopping.tolerance = 1e-3;
      const auto result = Train(spec, dataset);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_TRUE(result->summary.certificate->verified) << Name(loss) << ": " << result->summary.message;
    }
  }
}

TEST(ConvexTrainOnZeroRows, AnswersTheZeroNetwork) {
  data::Dataset dataset = SmallDataset();
  for (data::Part* part : {&dataset.train, &dataset.test}) {
    std::fill_n(static_cast<double*>(part->features.mutable_data()), part->features.size(), 0.0);
  }
  for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
    for (const auto& patterns : {Patterns(SampledPatterns{5}), Patterns(EnumeratedPatterns())}) {
      Spec spec = ConvexSpec(activation);
      spec.beta_max_fraction.reset();
      spec.beta = 0.1;
      std::get<ConvexTraining>(spec.method).patterns = patterns;
      const auto result = Train(spec, dataset);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->models[0].network.neurons(), 0);
      EXPECT_TRUE(result->summary.certificate->verified);
      EXPECT_EQ(result->models[0].final_metrics.gap, 0);
      EXPECT_THAT(result->summary.message, HasSubstr("so the zero network is optimal"));
    }
  }
}

TEST(ConvexTrainOnUselessData, SaysThatBetaMaxIsZero) {
  data::Dataset dataset = SmallDataset();
  dataset.train.features = data::Matrix(data::ElementType::kFloat64, 24, 3);
  dataset.description.has_bias_column = false;
  const auto result = Train(ConvexSpec(Activation::kGated), dataset);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("beta_max is 0"));
  Spec spec = ConvexSpec(Activation::kRelu);
  spec.beta_max_fraction.reset();
  spec.beta = 1;
  const auto zero = Train(spec, dataset);
  ASSERT_TRUE(zero.ok()) << zero.status();
  EXPECT_EQ(zero->models[0].network.neurons(), 0);
}

TEST(DescentTrain, GivesOneModelATrialAndNamesTheBest) {
  const Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
  std::get<GradientDescent>(spec.method).learning_rate = 1e6;
  spec.stopping.max_epochs = 500;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kDiverged);
  EXPECT_TRUE(result->models[0].diverged);
  EXPECT_THAT(result->summary.message, HasSubstr("All 3 trials diverged"));
}

TEST(DescentTrain, SaysThatBatchesLargerThanTheDataAreTheFullBatch) {
  Spec spec = DescentSpec();
  const auto full = Train(spec, SmallDataset());
  std::get<GradientDescent>(spec.method).batch_size = 1000;
  const auto larger = Train(spec, SmallDataset());
  ASSERT_TRUE(full.ok() && larger.ok());
  EXPECT_THAT(larger->summary.message, HasSubstr("Batches of 1000 are more than the 24 rows: each step took all of"));
  EXPECT_THAT(full->summary.message, Not(HasSubstr("Batches")));
  EXPECT_EQ(*larger->models[0].final_metrics.objective, *full->models[0].final_metrics.objective);
}

TEST(DescentTrain, RefusesLabelsThatDoNotFitTheLoss) {
  Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
  auto& descent = std::get<GradientDescent>(spec.method);
  descent.optimizer = descent::Lbfgs();
  descent.learning_rate = 1e20;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kStalled);
  EXPECT_THAT(result->summary.message, HasSubstr("; 3 stalled, their line searches found no acceptable step"));
}

TEST(DescentTrain, OfAGridSaysWhatEachTrialWasGiven) {
  Spec spec = DescentSpec();
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
  const Spec spec = DescentSpec();
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
  Spec spec = DescentSpec();
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

TEST(Precision, IsFloat32ForLargeDataUnlessAsked) {
  data::Dataset large;
  large.train.features = data::Matrix(data::ElementType::kFloat32, 1025, 1024);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, large, c10::Device("cpu")), Precision::kFloat32);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, SmallDataset(), c10::Device("cpu")), Precision::kFloat64);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, SmallDataset(), c10::Device("cuda:0")), Precision::kFloat32);
  EXPECT_EQ(ChoosePrecision(Precision::kFloat64, large, c10::Device("cuda:0")), Precision::kFloat64);
}

TEST(Precision, MustHoldTheDataAndTheirSquares) {
  for (const double size : {1e30, 1e300}) {
    data::Dataset dataset = SmallDataset();
    data::RowMajor<double> features = dataset.train.features.ToDouble();
    features(3, 1) = size;
    dataset.train.features = data::Matrix(features);
    for (Spec spec : {ConvexSpec(Activation::kGated), DescentSpec()}) {
      spec.precision = Precision::kFloat32;
      const auto result = Train(spec, dataset);
      EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
      EXPECT_THAT(std::string(result.status().message()),
                  HasSubstr("precision = float32: the squares of train.features overflow"));
    }
  }
}

TEST(ConvexTrainInNoTime, EndsAtATimeLimitThatSamplingUsesUp) {
  Spec spec = ConvexSpec(Activation::kRelu);
  spec.stopping.max_seconds = 1e-9;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kTimeLimit);
  EXPECT_EQ(result->summary.epochs, 0);
  EXPECT_THAT(result->summary.message, HasSubstr("Stopped at the time limit before the first epoch."));
}

}  // namespace
}  // namespace cvxnn::training
