// SPDX-License-Identifier: Apache-2.0
// Convex training over the patterns of a stored network: never worse than that network, and errors that name it.
#include "core/training/patterns.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "core/training/tensors.h"
#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);

// A library of one model.
Hooks HooksWith(const Network& network) {
  Hooks hooks;
  hooks.load_model = [=](const std::string& asked) -> absl::StatusOr<Network> {
    if (asked != "models/a") return absl::NotFoundError(asked + ": no such model");
    return network;
  };
  return hooks;
}

Spec SpecOf(Activation activation) {
  Spec spec;
  spec.beta = 0.5;
  spec.stopping.max_epochs = 50000;
  spec.stopping.tolerance = 1e-5;
  ConvexTraining convex;
  convex.activation = activation;
  convex.patterns = ModelPatterns{"models/a"};
  convex.refinement = Refinement{.max_rounds = 0};
  spec.method = convex;
  return spec;
}

absl::StatusOr<Result> Descend(const Spec& like, Activation activation, const data::Dataset& dataset,
                               std::uint64_t seed) {
  Spec spec = like;
  spec.seed = seed;
  spec.stopping.max_epochs = 300;
  GradientDescent descent;
  descent.activation = activation;
  descent.neurons = 12;
  descent.learning_rate = 0.01;
  descent.optimizer = descent::Adam();
  spec.method = descent;
  return Train(spec, dataset);
}

class PatternsOfAModel : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, PatternsOfAModel, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(PatternsOfAModel, MakeTheConvexOptimumNoWorseThanTheModel) {
  const Spec spec = SpecOf(GetParam());
  for (const data::Dataset& dataset : {SmallDataset(), SmallMulticlassDataset()}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const auto descended = Descend(spec, GetParam(), dataset, seed);
      ASSERT_TRUE(descended.ok()) << descended.status();
      const auto solved = Train(spec, dataset, HooksWith(descended->models[0].network));
      ASSERT_TRUE(solved.ok()) << solved.status();
      EXPECT_TRUE(solved->summary.certificate->verified) << solved->summary.message;
      EXPECT_LE(solved->summary.patterns, 12);
      const double model = *descended->models[0].final_metrics.objective;
      EXPECT_LE(*solved->models[0].final_metrics.objective, model * (1 + 1e-5)) << seed;
      EXPECT_LE(*solved->models[0].final_metrics.network_objective, model * (1 + 1e-4)) << seed;
      EXPECT_THAT(solved->summary.message, HasSubstr("patterns of models/a"));
    }
  }
}

TEST(SignedPatternsOfAModel, KeepToItsSignsAndAreNoWorseThanIt) {
  const Spec both = SpecOf(Activation::kRelu);
  Spec spec = both;
  std::get<ConvexTraining>(spec.method).patterns = ModelPatterns{"models/a", true};
  for (const data::Dataset& dataset : {SmallDataset(), SmallMulticlassDataset()}) {
    const auto descended = Descend(spec, Activation::kRelu, dataset, 1);
    ASSERT_TRUE(descended.ok()) << descended.status();
    const Network& model = descended->models[0].network;
    const auto solved = Train(spec, dataset, HooksWith(model)), full = Train(both, dataset, HooksWith(model));
    ASSERT_TRUE(solved.ok() && full.ok()) << solved.status();
    EXPECT_TRUE(solved->summary.certificate->verified) << solved->summary.message;
    const double objective = *solved->models[0].final_metrics.objective;
    EXPECT_LE(objective, *descended->models[0].final_metrics.objective * (1 + 1e-5));
    EXPECT_GE(objective, *full->models[0].final_metrics.objective * (1 - 1e-4));
    // Every neuron has the pattern of a neuron of the model with a weight of the same sign to the same output.
    const at::Tensor x = ToTensors(dataset, c10::Device("cpu"), Precision::kFloat64).features;
    const at::Tensor theirs = x.mm(model.first_layer).ge(0);
    const Network& network = solved->models[0].network;
    ASSERT_GT(network.neurons(), 0);
    // Violations are shares of the largest product of a block, the neuron's weights times those of its output.
    const at::Tensor products_of = x.mm(network.first_layer.mul(network.second_layer.norm(2, at::IntArrayRef{1})));
    const double largest = products_of.abs().max().item<double>();
    for (std::int64_t j = 0; j < network.neurons(); ++j) {
      const at::Tensor products = products_of.select(1, j);
      const at::Tensor clear = products.abs().gt(1e-4 * largest);
      bool met = false;
      for (std::int64_t i = 0; i < model.neurons(); ++i) {
        const bool same = products.ge(0).eq(theirs.select(1, i)).logical_or(clear.logical_not()).all().item<bool>();
        const at::Tensor signs = network.second_layer[j].mul(model.second_layer[i]);
        met = met || (same && signs.ge(0).all().item<bool>() && signs.gt(0).any().item<bool>());
      }
      EXPECT_TRUE(met) << j;
    }
  }
}

// One column, one pattern that says anything: outputs of v alone are never negative.
TEST(SignedPatternsOfAModel, LeaveOutTheOtherSign) {
  for (const double sign : {1.0, -1.0}) {
    data::RowMajor<double> x(3, 1), y(3, 1);
    x << 1, 2, 3;
    y << sign, 2 * sign, 3 * sign;
    data::Dataset dataset;
    dataset.train = {data::Matrix(x), data::Matrix(y)};
    dataset.description.task = data::Task::kRegression;
    Spec spec = SpecOf(Activation::kRelu);
    std::get<ConvexTraining>(spec.method).patterns = ModelPatterns{"models/a", true};
    const Network model{Activation::kRelu, at::ones({1, 1}, kDouble), at::ones({1, 1}, kDouble), {}};
    for (const ConvexSolver solver : {ConvexSolver::kAdmm, ConvexSolver::kPenalty}) {
      auto& convex = std::get<ConvexTraining>(spec.method);
      convex.solver = solver;
      convex.penalty_method.reset();
      if (solver == ConvexSolver::kPenalty) {
        convex.penalty_method = PenaltyMethod{.rho = 20, .optimizer = descent::Adam(), .learning_rate = 0.02};
        convex.penalty_method->schedule.kind = descent::CosineAnnealing{2000};
      }
      spec.stopping.max_epochs = 2000;
      const auto solved = Train(spec, dataset, HooksWith(model));
      ASSERT_TRUE(solved.ok()) << solved.status();
      // ½‖y‖² = 7, and by hand the optimum of ½Σ(xv − y)² + ½|v| is at v = 1 − 0.5/14.
      const double optimum = sign < 0 ? 7 : 0.5 * 14 * (0.5 / 14) * (0.5 / 14) + 0.5 * (1 - 0.5 / 14);
      EXPECT_NEAR(*solved->models[0].final_metrics.objective, optimum, 1e-2 * optimum) << sign;
      EXPECT_LE(*solved->models[0].final_metrics.lower_bound, optimum * (1 + 1e-9));
      EXPECT_TRUE(solver != ConvexSolver::kAdmm || solved->summary.certificate->verified);
    }
  }
}

TEST(SignedPatternsOfAModel, AreRefusedOfOtherNetworks) {
  Spec spec = SpecOf(Activation::kRelu);
  std::get<ConvexTraining>(spec.method).patterns = ModelPatterns{"models/a", true};
  const Network gated{Activation::kGated, at::ones({3, 2}, kDouble), at::ones({2, 1}, kDouble),
                      at::ones({3, 2}, kDouble)};
  EXPECT_THAT(std::string(Train(spec, SmallDataset(), HooksWith(gated)).status().message()),
              HasSubstr("models/a is a gated network of 1 outputs: must be a relu network of 1 outputs"));
}

TEST(PatternsOfAGatedModel, MakeTheConvexOptimumNoWorseThanTheModelUnderWeightDecayToo) {
  for (const Loss loss : {Loss::kSquared, Loss::kCrossEntropy}) {
    Spec spec = SpecOf(Activation::kGated);
    spec.penalty = Penalty::kWeightDecay;
    spec.loss = loss;
    const auto descended = Descend(spec, Activation::kGated, SmallMulticlassDataset(), 1);
    ASSERT_TRUE(descended.ok()) << descended.status();
    const auto solved = Train(spec, SmallMulticlassDataset(), HooksWith(descended->models[0].network));
    ASSERT_TRUE(solved.ok()) << solved.status();
    EXPECT_TRUE(solved->summary.certificate->verified) << solved->summary.message;
    const double model = *descended->models[0].final_metrics.objective;
    EXPECT_LE(*solved->models[0].final_metrics.objective, model * (1 + 1e-5));
  }
}

TEST_P(PatternsOfAModel, MayComeFromANetworkOfTheOtherActivation) {
  const Activation other = GetParam() == Activation::kRelu ? Activation::kGated : Activation::kRelu;
  const auto descended = Descend(SpecOf(other), other, SmallDataset(), 1);
  ASSERT_TRUE(descended.ok());
  const auto solved = Train(SpecOf(GetParam()), SmallDataset(), HooksWith(descended->models[0].network));
  ASSERT_TRUE(solved.ok()) << solved.status();
  EXPECT_GT(solved->summary.patterns, 0);
}

TEST(ModelPatterns, AreDistinctAndComeFromNeuronsWithWeights) {
  Network network;
  network.first_layer = at::tensor({1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0}, kDouble).view({3, 3});
  network.first_layer = at::cat({network.first_layer, at::zeros({3, 1}, kDouble)}, 1);
  network.second_layer = at::ones({4, 1}, kDouble);
  // Columns (1,0,0), (2,0,0), (0,0,1), (0,0,0): two patterns, and with the zero gate of a gated network no third, since
  // the bias column is active on every row too.
  const auto solved = Train(SpecOf(Activation::kRelu), SmallDataset(), HooksWith(network));
  ASSERT_TRUE(solved.ok()) << solved.status();
  EXPECT_EQ(solved->summary.patterns, 2);

  network.first_layer = network.first_layer.narrow(1, 3, 1);
  network.second_layer = at::ones({1, 1}, kDouble);
  const auto none = Train(SpecOf(Activation::kRelu), SmallDataset(), HooksWith(network));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->summary.patterns, 0);
  EXPECT_EQ(none->models[0].network.neurons(), 0);

  network.activation = Activation::kGated;
  network.gates = at::zeros({3, 1}, kDouble);
  const auto open = Train(SpecOf(Activation::kGated), SmallDataset(), HooksWith(network));
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(open->summary.patterns, 1);
}

TEST(ModelPatterns, RefuseModelsThatDoNotFit) {
  const Spec spec = SpecOf(Activation::kRelu);
  EXPECT_EQ(Train(spec, SmallDataset()).status().code(), absl::StatusCode::kFailedPrecondition);
  Network network{Activation::kRelu, at::ones({7, 2}, kDouble), at::ones({2, 1}, kDouble), {}};
  const absl::Status shape = Train(spec, SmallDataset(), HooksWith(network)).status();
  EXPECT_EQ(shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shape.message()),
              HasSubstr("convex.patterns.from_model.model: models/a has 7 inputs: must have 3"));
  network = {Activation::kRelu, at::ones({3, 0}, kDouble), at::ones({0, 1}, kDouble), {}};
  EXPECT_THAT(std::string(Train(spec, SmallDataset(), HooksWith(network)).status().message()),
              HasSubstr("models/a has no neurons"));
  Spec other = spec;
  std::get<ConvexTraining>(other.method).patterns = ModelPatterns{"models/b"};
  EXPECT_EQ(Train(other, SmallDataset(), HooksWith(network)).status().code(), absl::StatusCode::kNotFound);
}

// Ten rows in general position in three dimensions: 92 patterns, the one active nowhere included.
data::Dataset TenRows() {
  data::Dataset dataset = SmallDataset();
  dataset.train = SmallPart(10, 0);
  return dataset;
}

class AllPatterns : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, AllPatterns, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(AllPatterns, AreCertifiedGlobally) {
  Spec spec = SpecOf(GetParam());
  spec.stopping.tolerance = 1e-4;
  std::get<ConvexTraining>(spec.method).patterns = EnumeratedPatterns();
  const auto solved = Train(spec, TenRows());
  ASSERT_TRUE(solved.ok()) << solved.status();
  EXPECT_GE(solved->summary.patterns, 90);
  EXPECT_LE(solved->summary.patterns, 92);
  EXPECT_FALSE(solved->summary.certificate->restricted);
  EXPECT_TRUE(solved->summary.certificate->verified);
  EXPECT_THAT(solved->summary.message, HasSubstr("patterns of the data; verified, global, for networks of any width."));
}

TEST(EveryPattern, AreNoWorseThanAnyDescent) {
  Spec spec = SpecOf(Activation::kRelu);
  spec.beta = 0.1;
  spec.stopping.tolerance = 1e-4;
  std::get<ConvexTraining>(spec.method).patterns = EnumeratedPatterns();
  const auto solved = Train(spec, TenRows());
  ASSERT_TRUE(solved.ok()) << solved.status();
  double least = std::numeric_limits<double>::infinity();
  for (const std::int64_t neurons : {2, 10, 50}) {
    Spec descend = spec;
    descend.stopping.max_epochs = 2000;
    GradientDescent descent;
    descent.neurons = neurons;
    descent.trials = 10;
    descent.learning_rate = 0.02;
    descent.optimizer = descent::Adam();
    descend.method = descent;
    const auto descended = Train(descend, TenRows());
    ASSERT_TRUE(descended.ok()) << descended.status();
    for (const TrainedModel& model : descended->models) least = std::min(least, *model.final_metrics.objective);
  }
  EXPECT_LE(*solved->models[0].final_metrics.lower_bound, least);
  EXPECT_LE(*solved->models[0].final_metrics.objective, least * (1 + 2e-4));
  // And not far below: what descent finds is near the bound, so the bound says something.
  EXPECT_GE(*solved->models[0].final_metrics.objective, least * 0.98);
}

TEST(EveryPattern, AreRefusedWithTheBoundWhenTheyMayBeTooMany) {
  Spec spec = SpecOf(Activation::kRelu);
  std::get<ConvexTraining>(spec.method).patterns = EnumeratedPatterns{91};
  const absl::Status status = Train(spec, TenRows()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("may have 92 patterns, and at most 91 are allowed"));
}

// Gates that are given make the program that a gated network of these gates makes.
TEST(GivenGates, AreThePatternsOfTheProgram) {
  data::RowMajor<float> rows(4, 3);
  rows << 1, 0.5, 0.1, -0.3, 1, 0, 1, 0.5, 0.1, -1, -0.2, 0.3;  // the third is the first again
  Spec given = SpecOf(Activation::kGated);
  std::get<ConvexTraining>(given.method).patterns = GivenPatterns{data::Matrix(rows), ""};
  const auto solved = Train(given, SmallDataset());
  ASSERT_TRUE(solved.ok()) << solved.status();
  EXPECT_EQ(solved->summary.patterns, 3);
  EXPECT_THAT(solved->summary.message, HasSubstr("3 given patterns"));
  Network network;
  network.activation = Activation::kGated;
  network.gates =
      at::from_blob(rows.data(), {4, 3}, at::TensorOptions().dtype(at::kFloat)).t().to(kDouble).contiguous();
  network.first_layer = at::ones({3, 4}, kDouble);
  network.second_layer = at::ones({4, 1}, kDouble);
  const auto of_model = Train(SpecOf(Activation::kGated), SmallDataset(), HooksWith(network));
  ASSERT_TRUE(of_model.ok()) << of_model.status();
  EXPECT_EQ(solved->models[0].final_metrics.objective, of_model->models[0].final_metrics.objective);

  // The same from the rows of a data set.
  auto library = std::make_shared<data::Dataset>(SmallDataset());
  library->train.features = data::Matrix(rows);
  Hooks hooks;
  hooks.load_dataset = [&](const std::string& name) -> absl::StatusOr<std::shared_ptr<const data::Dataset>> {
    if (name != "datasets/gates") return absl::NotFoundError(name + ": no such data set");
    return library;
  };
  std::get<ConvexTraining>(given.method).patterns = GivenPatterns{{}, "datasets/gates"};
  const auto stored = Train(given, SmallDataset(), hooks);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(solved->models[0].final_metrics.objective, stored->models[0].final_metrics.objective);
  std::get<ConvexTraining>(given.method).patterns = GivenPatterns{{}, "datasets/none"};
  EXPECT_TRUE(absl::IsNotFound(Train(given, SmallDataset(), hooks).status()));
}

TEST(GivenGates, AreRefusedByName) {
  const auto fault = [](data::RowMajor<double> rows) {
    Spec spec = SpecOf(Activation::kGated);
    std::get<ConvexTraining>(spec.method).patterns = GivenPatterns{data::Matrix(std::move(rows)), ""};
    const absl::Status status = Train(spec, SmallDataset()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  data::RowMajor<double> rows = data::RowMajor<double>::Ones(3, 3);
  rows.row(1).setZero();
  EXPECT_EQ(fault(rows), "convex.patterns.given.gates: gate 1 is zero: must have a direction");
  rows(1, 2) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(fault(rows), "convex.patterns.given.gates: gate 1: must be finite");
  EXPECT_EQ(fault(data::RowMajor<double>::Ones(3, 2)),
            "convex.patterns.given.gates: gates of 2 numbers: must have 3, the columns of the data set");
  EXPECT_THAT(fault(data::RowMajor<double>(0, 3)), HasSubstr("must have either gates or a data set"));
}

}  // namespace
}  // namespace cvxnn::training
