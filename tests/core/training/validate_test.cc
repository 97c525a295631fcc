// SPDX-License-Identifier: Apache-2.0
// What Validate refuses: one row a field, and the message that names it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Spec ConvexSpec() {
  Spec spec;
  spec.beta = 0.1;
  spec.method = ConvexTraining();
  return spec;
}

Spec DescentSpec() {
  Spec spec;
  spec.beta = 0.1;
  spec.method = GradientDescent();
  return spec;
}

struct Refusal {
  std::string name;
  Spec base;
  std::function<void(Spec&)> spoil;
  std::string message;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

GradientDescent& Descent(Spec& spec) { return std::get<GradientDescent>(spec.method); }
ConvexTraining& Convex(Spec& spec) { return std::get<ConvexTraining>(spec.method); }

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithTheFieldTheValueAndTheRange) {
  Spec spec = GetParam().base;
  ASSERT_TRUE(Validate(spec, SmallDataset()).ok());
  GetParam().spoil(spec);
  const absl::Status status = Validate(spec, SmallDataset());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(GetParam().message));
  EXPECT_EQ(Train(spec, SmallDataset()).status(), status);
}

const Refusal kRefusals[] = {
    {"NegativeBeta", ConvexSpec(), [](Spec& s) { s.beta = -1; }, "beta = -1: must be finite and > 0"},
    {"ZeroBeta", DescentSpec(), [](Spec& s) { s.beta = 0; }, "beta = 0: must be finite and > 0"},
    {"NanBeta", ConvexSpec(), [](Spec& s) { s.beta = kNan; }, "beta = nan: must be finite and > 0"},
    {"BothBetas", ConvexSpec(), [](Spec& s) { s.beta_max_fraction = 0.5; }, "exactly one of the two must be set"},
    {"NoBeta", ConvexSpec(), [](Spec& s) { s.beta.reset(); }, "exactly one of beta and beta_max_fraction"},
    {"NoBetaForDescent", DescentSpec(), [](Spec& s) { s.beta.reset(); }, "beta is missing"},
    {"FractionAboveOne", ConvexSpec(),
     [](Spec& s) {
       s.beta.reset();
       s.beta_max_fraction = 1.5;
     },
     "beta_max_fraction = 1.5: must be in (0, 1]"},
    {"FractionForDescent", DescentSpec(),
     [](Spec& s) {
       s.beta.reset();
       s.beta_max_fraction = 0.5;
     },
     "beta_max_fraction = 0.5: must be absent for descent"},
    {"HugeBeta", DescentSpec(), [](Spec& s) { s.beta = 1e308; }, "beta = 1e+308: must be at most 1e+30 for descent"},
    {"ConvexPenaltyForDescent", DescentSpec(), [](Spec& s) { s.penalty = Penalty::kFeatureGroups; },
     "penalty = feature_groups: must be group_l2, weight_decay or none for descent"},
    {"PathWithoutBetaMax", ConvexSpec(),
     [](Spec& s) {
       s.method = RegularizationPath();
       s.penalty = Penalty::kRidge;
       s.beta.reset();
     },
     "penalty = ridge: must be one that has a beta_max for a path"},
    {"ShareOfNoBetaMax", ConvexSpec(),
     [](Spec& s) {
       s.penalty = Penalty::kRidge;
       s.beta.reset();
       s.beta_max_fraction = 0.1;
     },
     "beta_max_fraction = 0.1: must be absent for ridge"},
    {"BetaWithoutPenalty", DescentSpec(), [](Spec& s) { s.penalty = Penalty::kNone; }, "beta = 0.1: must be absent"},
    {"UnknownDevice", ConvexSpec(), [](Spec& s) { s.device = "tpu"; }, "device = \"tpu\": not on this machine"},
    {"AbsentGpu", ConvexSpec(), [](Spec& s) { s.device = "cuda:99"; }, "device = \"cuda:99\": not on this machine"},
    {"NoEpochs", ConvexSpec(), [](Spec& s) { s.stopping.max_epochs = 0; }, "stopping.max_epochs = 0: must be in [1"},
    {"NegativeTime", ConvexSpec(), [](Spec& s) { s.stopping.max_seconds = -2; }, "stopping.max_seconds = -2: must be"},
    {"ToleranceOfOne", ConvexSpec(), [](Spec& s) { s.stopping.tolerance = 1; },
     "stopping.tolerance = 1: must be in [0"},
    {"NanTolerance", ConvexSpec(), [](Spec& s) { s.stopping.tolerance = kNan; }, "stopping.tolerance = nan: must be"},
    {"NoPatterns", ConvexSpec(), [](Spec& s) { Convex(s).patterns = SampledPatterns{0}; },
     "convex.patterns.sampled.count = 0: must be in [1, 1000000]"},
    {"GatesOnTooManyColumns", ConvexSpec(),
     [](Spec& s) {
       Convex(s).patterns = SampledPatterns{10, 4};
     },
     "convex.patterns.sampled.columns_per_gate = 4: must be in [1, 3], the columns of the data set, or 0 for all"},
    {"SignsForGated", ConvexSpec(),
     [](Spec& s) {
       Convex(s).patterns = ModelPatterns{"models/a", true};
     },
     "convex.patterns.from_model.output_signs = true: must be false for the gated activation"},
    {"RoundsWithSigns", ConvexSpec(),
     [](Spec& s) {
       Convex(s).activation = Activation::kRelu;
       Convex(s).patterns = ModelPatterns{"models/a", true};
       Convex(s).refinement = Refinement();
     },
     "convex.refinement.max_rounds = 10: must be 0 with patterns.from_model.output_signs"},
    {"PatternsOfNoModel", ConvexSpec(), [](Spec& s) { Convex(s).patterns = ModelPatterns(); },
     "convex.patterns.from_model.model = \"\": must be the name of a stored model"},
    {"PatchesOfNoImage", ConvexSpec(),
     [](Spec& s) {
       Convex(s).patterns = ConvolutionalPatterns{10, 2};
     },
     "convex.patterns.convolutional: must be for a data set of images"},
    {"NoMostPatterns", ConvexSpec(), [](Spec& s) { Convex(s).patterns = EnumeratedPatterns{0}; },
     "convex.patterns.enumerated.max_count = 0: must be in [1, 1000000]"},
    {"FistaForRelu", ConvexSpec(),
     [](Spec& s) {
       Convex(s).activation = Activation::kRelu;
       Convex(s).solver = ConvexSolver::kFista;
     },
     "convex.solver = fista: must be auto, admm, interior_point or penalty"},
    {"FistaForAKink", ConvexSpec(),
     [](Spec& s) {
       s.loss = Loss::kHinge;
       Convex(s).solver = ConvexSolver::kFista;
     },
     "convex.solver = fista: must be auto or admm for the hinge loss"},
    {"NewtonForRelu", ConvexSpec(),
     [](Spec& s) {
       Convex(s).activation = Activation::kRelu;
       Convex(s).solver = ConvexSolver::kNewton;
     },
     "convex.solver = newton: must be auto, admm, interior_point or penalty for the relu activation"},
    {"NewtonForOtherLosses", ConvexSpec(),
     [](Spec& s) {
       s.loss = Loss::kSquaredHinge;
       Convex(s).solver = ConvexSolver::kNewton;
     },
     "convex.solver = newton: must be auto or another for losses other than squared"},
    {"NewtonForOtherPenalties", ConvexSpec(),
     [](Spec& s) {
       s.penalty = Penalty::kL1;
       Convex(s).solver = ConvexSolver::kNewton;
     },
     "convex.solver = newton: must be auto or another for penalties other than group_l2"},
    {"WorkingSetForOtherSolvers", ConvexSpec(),
     [](Spec& s) {
       Convex(s).solver = ConvexSolver::kPenalty;
       Convex(s).working_set = WorkingSet::kOn;
     },
     "convex.working_set = on: must be auto or off for the penalty solver"},
    {"WorkingSetForOtherPenalties", ConvexSpec(),
     [](Spec& s) {
       s.penalty = Penalty::kFeatureGroups;
       Convex(s).working_set = WorkingSet::kOn;
     },
     "convex.working_set = on: must be auto or off for penalties other than group_l2 and weight_decay"},
    {"InteriorPointForOtherLosses", ConvexSpec(),
     [](Spec& s) {
       s.loss = Loss::kSquaredHinge;
       Convex(s).solver = ConvexSolver::kInteriorPoint;
     },
     "convex.solver = interior_point: must be auto or another for losses other than squared"},
    {"InteriorPointInFloat32", ConvexSpec(),
     [](Spec& s) {
       s.precision = Precision::kFloat32;
       Convex(s).solver = ConvexSolver::kInteriorPoint;
     },
     "precision = float32: must be auto or float64 for the interior_point solver"},
    {"PenaltyMethodForOthers", ConvexSpec(), [](Spec& s) { Convex(s).penalty_method = PenaltyMethod(); },
     "convex.penalty_method: must be absent for solvers other than penalty"},
    {"NoPrice", ConvexSpec(),
     [](Spec& s) {
       Convex(s).solver = ConvexSolver::kPenalty;
       Convex(s).penalty_method = PenaltyMethod{.rho = 0};
     },
     "convex.penalty_method.rho = 0: must be above 0 and at most 1e+30"},
    {"PenaltyLbfgsWithBatches", ConvexSpec(),
     [](Spec& s) {
       Convex(s).solver = ConvexSolver::kPenalty;
       Convex(s).penalty_method = PenaltyMethod{.optimizer = descent::Lbfgs(), .batch_size = 2};
     },
     "convex.penalty_method.batch_size = 2: must be 0 (full batch) with optimizer.lbfgs"},
    // Every range of descent is tested with core/descent; here, that it is checked and named from the spec.
    {"NoNeurons", DescentSpec(), [](Spec& s) { Descent(s).neurons = 0; }, "descent.neurons = 0: must be 1 to 1000000"},
    {"ZeroRate", DescentSpec(), [](Spec& s) { Descent(s).learning_rate = 0; }, "descent.learning_rate = 0: must be"},
    {"AdamBeta1", DescentSpec(), [](Spec& s) { Descent(s).optimizer = descent::Adam{.beta1 = -0.1}; },
     "descent.optimizer.adam.beta1 = -0.1: must be"},
    {"GridRate", DescentSpec(),
     [](Spec& s) {
       Descent(s).grid.learning_rates = {1, 0.1, -1};
     },
     "descent.grid.learning_rates[2] = -1: must be finite and above 0"},
    {"GridRows", DescentSpec(), [](Spec& s) { Descent(s).grid.training_rows = {25}; },
     "descent.grid.training_rows[0] = 25: must be 1 to 24, the training rows"},
    {"GridBetasAndBeta", DescentSpec(), [](Spec& s) { Descent(s).grid.betas = {1}; },
     "beta = 0.1: must be absent with descent.grid.betas"},
    {"GridBetasWithoutPenalty", DescentSpec(),
     [](Spec& s) {
       s.penalty = Penalty::kNone;
       s.beta.reset();
       Descent(s).grid.betas = {1};
     },
     "descent.grid.betas = 1 values: must be absent without a penalty"},
    {"LbfgsWithBatches", DescentSpec(),
     [](Spec& s) {
       Descent(s).optimizer = descent::Lbfgs();
       Descent(s).batch_size = 1;
     },
     "descent.batch_size = 1: must be 0 (full batch) with optimizer.lbfgs"},
};
INSTANTIATE_TEST_SUITE_P(Spec, Refused, testing::ValuesIn(kRefusals),
                         [](const testing::TestParamInfo<Refusal>& refusal) { return refusal.param.name; });

TEST(Validate, KnowsTheLargestPatch) {
  Spec spec = ConvexSpec();
  data::Dataset images = SmallDataset();
  images.description.image_shape = data::ImageShape{1, 1, 2};
  Convex(spec).patterns = ConvolutionalPatterns{10, 1};
  EXPECT_TRUE(Validate(spec, images).ok()) << Validate(spec, images);
  EXPECT_TRUE(Train(spec, images).ok());
  Convex(spec).patterns = ConvolutionalPatterns{10, 2};
  EXPECT_THAT(std::string(Validate(spec, images).message()),
              testing::HasSubstr("convex.patterns.convolutional.patch_size = 2: must be in [1, 1]"));
}

TEST(Validate, SaysWhichLossesConvexTrainingHas) {
  Spec spec = ConvexSpec();
  spec.loss = Loss::kLogistic;
  EXPECT_TRUE(Validate(spec, SmallDataset()).ok());
  Convex(spec).activation = Activation::kRelu;
  EXPECT_TRUE(Validate(spec, SmallDataset()).ok());
  spec.loss = Loss::kHinge;
  EXPECT_TRUE(Validate(spec, SmallDataset()).ok());
}

TEST(Validate, SaysWhichReluProgramsWorkingSetsAreFor) {
  Spec spec = ConvexSpec();
  Convex(spec).activation = Activation::kRelu;
  Convex(spec).working_set = WorkingSet::kOn;
  EXPECT_TRUE(Validate(spec, SmallMulticlassDataset()).ok());
  spec.penalty = Penalty::kWeightDecay;
  EXPECT_TRUE(Validate(spec, SmallDataset()).ok());
  EXPECT_THAT(std::string(Validate(spec, SmallMulticlassDataset()).message()),
              testing::HasSubstr("convex.working_set = on: must be auto or off for weight_decay of several outputs"));
}

TEST(Validate, RefusesDataThatAreNotFinite) {
  data::Dataset dataset = SmallDataset();
  static_cast<double*>(dataset.train.features.mutable_data())[4] = kNan;
  const absl::Status status = Validate(ConvexSpec(), dataset);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("row 1, column 1"));
}

}  // namespace
}  // namespace cvxnn::training
