// SPDX-License-Identifier: Apache-2.0
// Train() with the convex programs: networks with the objective they report, and honest certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/network/network.h"
#include "core/training/train.h"
#include "tests/core/training/model_objective.h"
#include "tests/core/training/small_dataset.h"
#include "tests/core/training/small_specs.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConvexTrain : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, ConvexTrain, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(ConvexTrain, GivesANetworkWithTheObjectiveItReports) {
  const Spec spec = SmallConvexSpec(GetParam());
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
  const auto result = Train(SmallConvexSpec(GetParam()), SmallDataset());
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
  Spec spec = SmallConvexSpec(GetParam());
  spec.stopping.max_epochs = 2;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->summary.termination, Termination::kEpochLimit);
  EXPECT_FALSE(result->summary.certificate->verified);
  EXPECT_THAT(result->summary.message, HasSubstr("not verified"));
}

TEST_P(ConvexTrain, CallsTheObserverOnceAnEpoch) {
  Spec spec = SmallConvexSpec(GetParam());
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
      Train(SmallConvexSpec(GetParam()), SmallDataset(),
            {[](const EpochMetrics& metrics) { return metrics.epoch < 4 ? Continue::kYes : Continue::kStop; }, {}});
  ASSERT_TRUE(by_observer.ok());
  EXPECT_EQ(by_observer->summary.termination, Termination::kStopped);
  EXPECT_EQ(by_observer->summary.epochs, 4);

  const auto at_once = Train(SmallConvexSpec(GetParam()), SmallDataset(), {{}, [] { return true; }});
  ASSERT_TRUE(at_once.ok()) << at_once.status();
  EXPECT_EQ(at_once->summary.termination, Termination::kStopped);
  EXPECT_EQ(at_once->summary.epochs, 0);
  EXPECT_EQ(at_once->models[0].network.neurons(), 0);
}

TEST_P(ConvexTrain, GivesTheZeroNetworkFromBetaMaxOnAndSaysSo) {
  Spec spec = SmallConvexSpec(GetParam());
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
  const auto first = Train(SmallConvexSpec(GetParam()), SmallDataset()),
             again = Train(SmallConvexSpec(GetParam()), SmallDataset());
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_TRUE(at::equal(first->models[0].network.first_layer, again->models[0].network.first_layer));
}

TEST_P(ConvexTrain, AgreesInSinglePrecision) {
  Spec spec = SmallConvexSpec(GetParam());
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
  Spec spec = SmallConvexSpec(GetParam());
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
  Spec spec = SmallConvexSpec(GetParam());
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
  Spec spec = SmallConvexSpec(GetParam());
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

TEST_P(ConvexTrain, SaysWhatItsWorkingSetsWere) {
  Spec spec = SmallConvexSpec(GetParam());
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
  Spec spec = SmallConvexSpec(GetParam());
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
    Spec spec = SmallConvexSpec(Activation::kGated);
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
  Spec spec = SmallConvexSpec(Activation::kGated);
  spec.loss = Loss::kLogistic;
  const absl::Status status = Train(spec, SmallMulticlassDataset()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("must be -1 or +1 for the logistic loss"));
}

TEST(ConvexTrainInNumericalTrouble, SaysSoAndKeepsTheBestAnswer) {
  for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
    Spec spec = SmallConvexSpec(activation);
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
  EXPECT_EQ(Train(SmallConvexSpec(Activation::kGated), dataset).status().message(),
            "class \"no\" has no rows in the training part: must have >= 1");
  dataset.description.task = data::Task::kRegression;
  dataset.description.class_names.clear();
  for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
    for (const Loss loss : {Loss::kSquared, Loss::kLogistic, Loss::kHinge, Loss::kSquaredHinge}) {
      Spec spec = SmallConvexSpec(activation);
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
      Spec spec = SmallConvexSpec(activation);
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
  const auto result = Train(SmallConvexSpec(Activation::kGated), dataset);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("beta_max is 0"));
  Spec spec = SmallConvexSpec(Activation::kRelu);
  spec.beta_max_fraction.reset();
  spec.beta = 1;
  const auto zero = Train(spec, dataset);
  ASSERT_TRUE(zero.ok()) << zero.status();
  EXPECT_EQ(zero->models[0].network.neurons(), 0);
}

TEST(ConvexTrainInNoTime, EndsAtATimeLimitThatSamplingUsesUp) {
  Spec spec = SmallConvexSpec(Activation::kRelu);
  spec.stopping.max_seconds = 1e-9;
  const auto result = Train(spec, SmallDataset());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->summary.termination, Termination::kTimeLimit);
  EXPECT_EQ(result->summary.epochs, 0);
  EXPECT_THAT(result->summary.message, HasSubstr("Stopped at the time limit before the first epoch."));
}

}  // namespace
}  // namespace cvxnn::training
