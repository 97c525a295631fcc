// SPDX-License-Identifier: Apache-2.0
// Each refusal names its field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/descent/memory.h"
#include "core/descent/ranges.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

struct Refusal {
  const char* name;
  const char* message;  // how it starts
  std::function<void(Options&, Data&)> spoil;
};

Network StartOf(std::int64_t inputs, std::int64_t neurons, std::int64_t outputs) {
  Network network;
  network.first_layer = Wavy(inputs, neurons, 0.2);
  network.second_layer = Wavy(neurons, outputs, 0.4);
  return network;
}

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithTheNameOfTheField) {
  Options options;
  options.neurons = 3;
  Data data = SmallData(6, 2, 1);
  ASSERT_TRUE(Validate(options, data).ok());
  GetParam().spoil(options, data);
  const auto result = RunDescent(options, data, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), testing::StartsWith(GetParam().message));
}

const double kNan = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Input, Refused,
    testing::Values(
        Refusal{"neurons", "neurons = 0: must be 1 to 1000000", [](Options& o, Data&) { o.neurons = 0; }},
        Refusal{"negative_beta", "beta = -1: must be", [](Options& o, Data&) { o.beta = -1; }},
        Refusal{"nan_beta", "beta = nan: must be", [](Options& o, Data&) { o.beta = kNan; }},
        Refusal{"batch_size", "batch_size = -1: must be at least 0", [](Options& o, Data&) { o.batch_size = -1; }},
        Refusal{"first_trial", "first_trial = -1", [](Options& o, Data&) { o.first_trial = -1; }},
        Refusal{"max_epochs", "max_epochs = -1: must be >= 0", [](Options& o, Data&) { o.max_epochs = -1; }},
        Refusal{"max_seconds", "max_seconds = -1: must be", [](Options& o, Data&) { o.max_seconds = -1; }},
        Refusal{"workspace", "workspace_bytes = -1", [](Options& o, Data&) { o.workspace_bytes = -1; }},
        Refusal{"rate", "learning_rate = 0: must be", [](Options& o, Data&) { o.learning_rate = 0; }},
        Refusal{"labels", "targets: row 0, column 0 is 0.901589: must be -1 or +1 for the logistic loss",
                [](Options& o, Data&) { o.loss = Loss::kLogistic; }},
        Refusal{"test_labels", "test_targets: row 0, column 0 is 0.5: must be -1 or +1 for the hinge loss",
                [](Options& o, Data& d) {
                  o.loss = Loss::kHinge;
                  d.targets = at::ones_like(d.targets);
                  d.test_targets = at::full_like(d.test_targets, 0.5);
                }},
        Refusal{"one_class", "targets has 1 column: must have one for each of at least two classes",
                [](Options& o, Data&) { o.loss = Loss::kCrossEntropy; }},
        Refusal{"no_features", "features: missing", [](Options&, Data& d) { d.features = at::Tensor(); }},
        Refusal{"no_targets", "targets: missing", [](Options&, Data& d) { d.targets = at::Tensor(); }},
        Refusal{"integers", "features: must be float32 or float64",
                [](Options&, Data& d) { d.features = d.features.to(at::kLong); }},
        Refusal{"vector", "targets: must have two dimensions",
                [](Options&, Data& d) { d.targets = d.targets.select(1, 0); }},
        Refusal{"mixed", "targets: must have the element type of features",
                [](Options&, Data& d) { d.targets = d.targets.to(at::kFloat); }},
        Refusal{"nan_feature", "features: must be finite", [](Options&, Data& d) { d.features[1][1] = kNan; }},
        Refusal{"rows", "targets has 5 rows: must have the 6 of features",
                [](Options&, Data& d) { d.targets = d.targets.narrow(0, 0, 5); }},
        Refusal{"no_rows", "features: must have at least one row",
                [](Options&, Data& d) {
                  d.features = d.features.narrow(0, 0, 0);
                  d.targets = d.targets.narrow(0, 0, 0);
                }},
        Refusal{"half_a_test", "test_targets: must be given together",
                [](Options&, Data& d) { d.test_targets = at::Tensor(); }},
        Refusal{"test_columns", "test_features: must have the columns",
                [](Options&, Data& d) { d.test_features = d.test_features.narrow(1, 0, 1); }},
        Refusal{"grid_rows", "grid.training_rows[1] = 7: must be 1 to 6, the training rows",
                [](Options& o, Data&) {
                  o.grid.training_rows = {6, 7};
                }},
        Refusal{"grid_betas", "grid.betas = 1 values: must be absent without a penalty",
                [](Options& o, Data&) {
                  o.penalty = Penalty::kNone;
                  o.grid.betas = {1};
                }},
        Refusal{"convex_penalty", "penalty = l1: must be group_l2, weight_decay or none for descent",
                [](Options& o, Data&) { o.penalty = Penalty::kL1; }},
        Refusal{"grid_and_start", "grid.neurons = 2 values: must be absent where gates or a start are given",
                [](Options& o, Data&) {
                  o.start = {StartOf(2, 3, 1)};
                  o.grid.neurons = {3, 4};
                }},
        Refusal{"gates_of_relu", "gates: only a gated", [](Options& o, Data&) { o.gates = Wavy(2, 3, 0); }},
        Refusal{"gates_shape", "gates has shape 3x2: must be 2x3",
                [](Options& o, Data&) {
                  o.activation = Activation::kGated;
                  o.gates = Wavy(3, 2, 0);
                }},
        Refusal{"start_count", "start = 2: must be empty, one network",
                [](Options& o, Data&) {
                  o.trials = 3;
                  o.start = {StartOf(2, 3, 1), StartOf(2, 3, 1)};
                }},
        Refusal{"start_missing", "start: must hold the networks of initialization.from_models",
                [](Options& o, Data&) { o.initialization = FromModels{{"a"}}; }},
        Refusal{"start_shape", "start: network is 2-4-1: must be 2-3-1",
                [](Options& o, Data&) { o.start = {StartOf(2, 4, 1)}; }},
        Refusal{"start_inside", "start: second_layer has shape 2x1",
                [](Options& o, Data&) {
                  o.start = {StartOf(2, 3, 1)};
                  o.start[0].second_layer = Wavy(2, 1, 0);
                }},
        Refusal{"start_activation", "start: must have the activation",
                [](Options& o, Data&) {
                  o.start = {StartOf(2, 3, 1)};
                  o.activation = Activation::kGated;
                }}),
    [](const testing::TestParamInfo<Refusal>& instance) { return instance.param.name; });

struct MethodFault {
  const char* name;
  const char* message;
  std::function<void(Method&)> spoil;
};

class Range : public testing::TestWithParam<MethodFault> {};

TEST_P(Range, IsSaidWithFieldAndValue) {
  Method method;
  ASSERT_TRUE(CheckRanges(method, "").ok());
  GetParam().spoil(method);
  const absl::Status status = CheckRanges(method, "descent.");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::StartsWith(std::string("descent.") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Method, Range,
    testing::Values(MethodFault{"zero_width", "neurons = 0: must be 1 to 1000000", [](Method& m) { m.neurons = 0; }},
                    MethodFault{"no_trials", "trials = 0: must be 1 to 10000", [](Method& m) { m.trials = 0; }},
                    MethodFault{"zero_rate", "learning_rate = 0: must be finite and above 0",
                                [](Method& m) { m.learning_rate = 0; }},
                    MethodFault{"nan_rate", "learning_rate = nan", [](Method& m) { m.learning_rate = kNan; }},
                    MethodFault{"clip", "clip_norm = -1: must be finite and above 0",
                                [](Method& m) { m.clip_norm = -1; }},
                    MethodFault{"batch", "batch_size = -1: must be at least 0", [](Method& m) { m.batch_size = -1; }},
                    MethodFault{"momentum", "optimizer.sgd.momentum = 1: must be at least 0 and below 1",
                                [](Method& m) { m.optimizer = Sgd{.momentum = 1}; }},
                    MethodFault{"nesterov", "optimizer.sgd.nesterov = true: must be false without momentum",
                                [](Method& m) { m.optimizer = Sgd{.nesterov = true}; }},
                    MethodFault{"adam_beta1",
                                "optimizer.adam.beta1 = 1:", [](Method& m) { m.optimizer = Adam{.beta1 = 1}; }},
                    MethodFault{"adam_beta2",
                                "optimizer.adam.beta2 = -0.1:", [](Method& m) { m.optimizer = Adam{.beta2 = -0.1}; }},
                    MethodFault{"adam_epsilon", "optimizer.adam.epsilon = 0: must be finite and above 0",
                                [](Method& m) { m.optimizer = Adam{.epsilon = 0}; }},
                    MethodFault{"adamw_beta1",
                                "optimizer.adamw.beta1 = 2:", [](Method& m) { m.optimizer = AdamW{.beta1 = 2}; }},
                    MethodFault{"adamw_decay", "optimizer.adamw.weight_decay = -1:",
                                [](Method& m) { m.optimizer = AdamW{.weight_decay = -1}; }},
                    MethodFault{"adagrad_decay", "optimizer.adagrad.rate_decay = -1:",
                                [](Method& m) { m.optimizer = Adagrad{.rate_decay = -1}; }},
                    MethodFault{"adagrad_start", "optimizer.adagrad.initial_accumulator = -1:",
                                [](Method& m) { m.optimizer = Adagrad{.initial_accumulator = -1}; }},
                    MethodFault{"adagrad_epsilon", "optimizer.adagrad.epsilon = 0:",
                                [](Method& m) { m.optimizer = Adagrad{.epsilon = 0}; }},
                    MethodFault{"adadelta_rho",
                                "optimizer.adadelta.rho = 1:", [](Method& m) { m.optimizer = Adadelta{.rho = 1}; }},
                    MethodFault{"adadelta_epsilon", "optimizer.adadelta.epsilon = 0:",
                                [](Method& m) { m.optimizer = Adadelta{.epsilon = 0}; }},
                    MethodFault{"rmsprop_alpha",
                                "optimizer.rmsprop.alpha = 1:", [](Method& m) { m.optimizer = RmsProp{.alpha = 1}; }},
                    MethodFault{"rmsprop_epsilon", "optimizer.rmsprop.epsilon = nan:",
                                [](Method& m) { m.optimizer = RmsProp{.epsilon = kNan}; }},
                    MethodFault{"rmsprop_momentum", "optimizer.rmsprop.momentum = 1:",
                                [](Method& m) { m.optimizer = RmsProp{.momentum = 1}; }},
                    MethodFault{"lbfgs_history", "optimizer.lbfgs.history = 0: must be 1 to 1000",
                                [](Method& m) { m.optimizer = Lbfgs{.history = 0}; }},
                    MethodFault{"lbfgs_gradient", "optimizer.lbfgs.gradient_tolerance = -1:",
                                [](Method& m) { m.optimizer = Lbfgs{.gradient_tolerance = -1}; }},
                    MethodFault{"lbfgs_change", "optimizer.lbfgs.change_tolerance = nan:",
                                [](Method& m) { m.optimizer = Lbfgs{.change_tolerance = kNan}; }},
                    MethodFault{"lbfgs_batches", "batch_size = 1: must be 0 (full batch) with optimizer.lbfgs",
                                [](Method& m) {
                                  m.optimizer = Lbfgs();
                                  m.batch_size = 1;
                                }},
                    MethodFault{"lbfgs_clip", "clip_norm = 1: must be absent with optimizer.lbfgs",
                                [](Method& m) {
                                  m.optimizer = Lbfgs();
                                  m.clip_norm = 1;
                                }},
                    MethodFault{"plateau_factor", "schedule.reduce_on_plateau.factor = 1: must be above 0 and below 1",
                                [](Method& m) { m.schedule.kind = ReduceOnPlateau{.factor = 1}; }},
                    MethodFault{"plateau_patience", "schedule.reduce_on_plateau.patience = -1:",
                                [](Method& m) { m.schedule.kind = ReduceOnPlateau{.patience = -1}; }},
                    MethodFault{"plateau_threshold", "schedule.reduce_on_plateau.threshold = 1:",
                                [](Method& m) { m.schedule.kind = ReduceOnPlateau{.threshold = 1}; }},
                    MethodFault{"plateau_cooldown", "schedule.reduce_on_plateau.cooldown = -1:",
                                [](Method& m) { m.schedule.kind = ReduceOnPlateau{.cooldown = -1}; }},
                    MethodFault{"plateau_minimum", "schedule.reduce_on_plateau.minimum_rate = -1:",
                                [](Method& m) { m.schedule.kind = ReduceOnPlateau{.minimum_rate = -1}; }},
                    MethodFault{"exponential_without_factor",
                                "schedule.exponential.factor = 0: must be above 0 and below 1",
                                [](Method& m) { m.schedule.kind = ExponentialDecay(); }},
                    MethodFault{"step_without_epochs", "schedule.step.epochs = 0: must be 1 to 1000000000",
                                [](Method& m) { m.schedule.kind = StepDecay(); }},
                    MethodFault{"step_factor", "schedule.step.factor = 0:",
                                [](Method& m) {
                                  m.schedule.kind = StepDecay{3, 0};
                                }},
                    MethodFault{"cosine_without_epochs",
                                "schedule.cosine.epochs = 0:", [](Method& m) { m.schedule.kind = CosineAnnealing(); }},
                    MethodFault{"cosine_minimum", "schedule.cosine.minimum_rate = -1:",
                                [](Method& m) {
                                  m.schedule.kind = CosineAnnealing{3, -1};
                                }},
                    MethodFault{"warmup_epochs",
                                "schedule.warmup.epochs = -1:", [](Method& m) { m.schedule.warmup.epochs = -1; }},
                    MethodFault{"warmup_start", "schedule.warmup.start_factor = 0: must be above 0 and at most 1",
                                [](Method& m) { m.schedule.warmup.start_factor = 0; }},
                    MethodFault{"gaussian_scale", "initialization.gaussian.scale = 0:",
                                [](Method& m) { m.initialization = Gaussian{0}; }},
                    MethodFault{"balanced_scale", "initialization.balanced.scale = -1:",
                                [](Method& m) { m.initialization = BalancedGaussian{-1}; }},
                    MethodFault{"grid_rows", "grid.training_rows[0] = 0: must be at least 1",
                                [](Method& m) { m.grid.training_rows = {0}; }},
                    MethodFault{"grid_neurons", "grid.neurons[1] = 1000001: must be 1 to 1000000",
                                [](Method& m) {
                                  m.grid.neurons = {1, 1000001};
                                }},
                    MethodFault{"grid_rate", "grid.learning_rates[2] = -1: must be finite and above 0",
                                [](Method& m) {
                                  m.grid.learning_rates = {1, 2, -1};
                                }},
                    MethodFault{"grid_beta", "grid.betas[0] = nan: must be above 0 and at most 1e+30",
                                [](Method& m) { m.grid.betas = {kNan}; }},
                    MethodFault{"grid_twice", "grid.betas[2] = 0.5: must be given once",
                                [](Method& m) {
                                  m.grid.betas = {0.5, 1, 0.5};
                                }},
                    MethodFault{"grid_and_rate", "learning_rate = 0.1: must be absent with grid.learning_rates",
                                [](Method& m) {
                                  m.learning_rate = 0.1;
                                  m.grid.learning_rates = {1};
                                }},
                    MethodFault{"grid_of_models",
                                "grid.neurons = 1 values: must be absent with initialization.from_models",
                                [](Method& m) {
                                  m.initialization = FromModels{{"a"}};
                                  m.grid.neurons = {3};
                                }},
                    MethodFault{"grid_list", "grid.neurons = 1001 values: must be at most 1000 values",
                                [](Method& m) { m.grid.neurons.resize(1001); }},
                    MethodFault{"grid_trials", "grid = 110000 trials: must be at most 100000 trials in all",
                                [](Method& m) {
                                  m.trials = 10000;
                                  m.grid.neurons = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
                                }},
                    MethodFault{"report_interval", "reports.every_epochs = 0: must be 1 to 1000000000",
                                [](Method& m) { m.reports.every_epochs = 0; }},
                    MethodFault{"snapshot_interval", "snapshots.every_epochs = 0: must be 1 to 1000000000",
                                [](Method& m) { m.snapshots = Snapshots{EveryEpochs{0}}; }},
                    MethodFault{"snapshot_decade", "snapshots.per_decade = 1001: must be 1 to 1000",
                                [](Method& m) { m.snapshots = Snapshots{PerDecade{1001}}; }},
                    MethodFault{"models",
                                "initialization.from_models.models = 2: must be 1 name, or one for each of 3 trials",
                                [](Method& m) {
                                  m.trials = 3;
                                  m.initialization = FromModels{{"a", "b"}};
                                }}),
    [](const testing::TestParamInfo<MethodFault>& instance) { return instance.param.name; });

TEST(Memory, IsEstimatedAndRefusedBeforeWork) {
  Options options;
  options.neurons = 1000000;
  options.trials = 10000;
  const auto result = RunDescent(options, SmallData(6, 2, 1), {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(result.status().message()), testing::StartsWith("trials = 10000 of 1000000 neurons needs "));
}

TEST(Memory, CountsRowOrdersOfMiniBatches) {
  const Data data = SmallData(1000, 2, 1);
  Options options;
  options.trials = 100;
  const MemoryNeed full = EstimateMemory(options, data);
  options.batch_size = 10;
  EXPECT_EQ(EstimateMemory(options, data).host - full.host, 8 * 100 * (1000 + 10));
}

TEST(Memory, CountsTheHistoryOfLbfgs) {
  const Data data = SmallData(6, 2, 1);
  Options options;
  options.optimizer = Lbfgs{.history = 50};
  const double longer = EstimateMemory(options, data).device;
  options.optimizer = Lbfgs{.history = 10};
  EXPECT_EQ(longer - EstimateMemory(options, data).device, 8 * 80 * 100 * 3);
}

}  // namespace
}  // namespace cvxnn::descent
