// SPDX-License-Identifier: Apache-2.0
// Each refusal names its field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

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
        Refusal{"neurons", "neurons = 0: must be >= 1", [](Options& o, Data&) { o.neurons = 0; }},
        Refusal{"negative_beta", "beta = -1: must be", [](Options& o, Data&) { o.beta = -1; }},
        Refusal{"nan_beta", "beta = nan: must be", [](Options& o, Data&) { o.beta = kNan; }},
        Refusal{"batch_size", "batch_size = -1: must be >= 0", [](Options& o, Data&) { o.batch_size = -1; }},
        Refusal{"trials", "trials = 0: must be >= 1", [](Options& o, Data&) { o.trials = 0; }},
        Refusal{"first_trial", "first_trial = -1", [](Options& o, Data&) { o.first_trial = -1; }},
        Refusal{"scale", "initialization_scale = 0: must be",
                [](Options& o, Data&) {
                  o.initialization = Initialization::kGaussian;
                  o.initialization_scale = 0;
                }},
        Refusal{"max_epochs", "max_epochs = -1: must be >= 0", [](Options& o, Data&) { o.max_epochs = -1; }},
        Refusal{"max_seconds", "max_seconds = -1: must be", [](Options& o, Data&) { o.max_seconds = -1; }},
        Refusal{"workspace", "workspace_bytes = -1", [](Options& o, Data&) { o.workspace_bytes = -1; }},
        Refusal{"rate", "learning_rate = 0: must be", [](Options& o, Data&) { o.optimizer.learning_rate = 0; }},
        Refusal{"rate_nan", "learning_rate = nan", [](Options& o, Data&) { o.optimizer.learning_rate = kNan; }},
        Refusal{"momentum", "momentum = 1: must be in [0, 1)", [](Options& o, Data&) { o.optimizer.momentum = 1; }},
        Refusal{"beta1", "adam_beta1 = 1: must be", [](Options& o, Data&) { o.optimizer.adam_beta1 = 1; }},
        Refusal{"beta2", "adam_beta2 = -0.1: must be", [](Options& o, Data&) { o.optimizer.adam_beta2 = -0.1; }},
        Refusal{"epsilon", "adam_epsilon = 0: must be", [](Options& o, Data&) { o.optimizer.adam_epsilon = 0; }},
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
        Refusal{"gates_of_relu", "gates: only a gated", [](Options& o, Data&) { o.gates = Wavy(2, 3, 0); }},
        Refusal{"gates_shape", "gates has shape 3x2: must be 2x3",
                [](Options& o, Data&) {
                  o.activation = Activation::kGated;
                  o.gates = Wavy(3, 2, 0);
                }},
        Refusal{"start_count", "start = 2: must be empty or one",
                [](Options& o, Data&) {
                  o.start = {StartOf(2, 3, 1), StartOf(2, 3, 1)};
                }},
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

TEST(Memory, IsEstimatedAndRefusedBeforeWork) {
  Options options;
  options.neurons = 1000000;
  options.trials = 1000000000;
  const auto result = RunDescent(options, SmallData(6, 2, 1), {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(result.status().message()), testing::StartsWith("trials = 1000000000"));
}

}  // namespace
}  // namespace cvxnn::descent
