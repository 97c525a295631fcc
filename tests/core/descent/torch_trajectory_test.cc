// SPDX-License-Identifier: Apache-2.0
// Steps of SGD and Adam against torch.optim's, stored by tests/oracle/make_descent_oracle.py (autograd in float64).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/descent/optimizers/optimizer.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

using Json = nlohmann::json;

const Json& Trajectories() {
  static const Json trajectories =
      Json::parse(std::ifstream(std::string(CVXNN_TESTDATA) + "/descent_trajectories.json")).at("trajectories");
  return trajectories;
}

at::Tensor MatrixOf(const Json& values, std::int64_t rows, std::int64_t cols) {
  at::Tensor matrix = at::empty({rows, cols}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  std::int64_t i = 0;
  if (values.front().is_array()) {
    for (const Json& row : values) {
      for (const Json& value : row) matrix.data_ptr<double>()[i++] = value.get<double>();
    }
  } else {
    for (const Json& value : values) matrix.data_ptr<double>()[i++] = value.get<double>();
  }
  EXPECT_EQ(i, rows * cols);
  return matrix;
}

/// One stored trajectory as our options, data and start.
struct Trajectory {
  explicit Trajectory(const Json& json) : record(json) {
    const std::int64_t rows = json.at("rows"), inputs = json.at("inputs"), outputs = json.at("outputs");
    options.neurons = json.at("neurons");
    options.activation = json.at("activation") == "gated" ? Activation::kGated : Activation::kRelu;
    for (const Penalty penalty : {Penalty::kGroupL2, Penalty::kWeightDecay, Penalty::kNone}) {
      if (json.at("penalty") == Name(penalty)) options.penalty = penalty;
    }
    for (const LossScale scale : {LossScale::kHalfSum, LossScale::kSum, LossScale::kMean}) {
      if (json.at("loss_scale") == Name(scale)) options.loss_scale = scale;
    }
    options.beta = json.at("beta");
    options.optimizer.optimizer = json.at("optimizer") == "adam" ? Optimizer::kAdam : Optimizer::kSgd;
    options.optimizer.learning_rate = json.at("learning_rate");
    options.optimizer.momentum = json.at("momentum");
    options.optimizer.adam_beta1 = 0.8;
    options.optimizer.adam_beta2 = 0.95;
    options.optimizer.adam_epsilon = 1e-6;
    data.features = MatrixOf(json.at("features"), rows, inputs);
    data.targets = MatrixOf(json.at("targets"), rows, outputs);
    Network start = At(0);
    options.start = {start};
    options.max_epochs = static_cast<std::int64_t>(json.at("objectives").size()) - 1;
  }

  Network At(std::size_t step) const {
    const std::int64_t inputs = record.at("inputs"), neurons = record.at("neurons"), outputs = record.at("outputs");
    Network network;
    network.activation = options.activation;
    network.first_layer = MatrixOf(record.at("first_layers").at(step), inputs, neurons);
    network.second_layer = MatrixOf(record.at("second_layers").at(step), neurons, outputs);
    if (options.activation == Activation::kGated) network.gates = MatrixOf(record.at("gates"), inputs, neurons);
    return network;
  }

  const Json& record;
  Options options;
  Data data;
};

class TorchTrajectory : public testing::TestWithParam<std::size_t> {};

TEST_P(TorchTrajectory, IsFollowedStepByStep) {
  Trajectory trajectory(Trajectories().at(GetParam()));
  std::vector<EpochReport> reports;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  };
  const auto result = RunDescent(trajectory.options, trajectory.data, observers);
  ASSERT_TRUE(result.ok()) << result.status();
  const Json& objectives = trajectory.record.at("objectives");
  ASSERT_EQ(reports.size(), objectives.size());
  for (std::size_t step = 0; step < reports.size(); ++step) {
    const double expected = objectives.at(step);
    EXPECT_NEAR(reports[step].objective, expected, 1e-9 * (1 + std::abs(expected))) << "step " << step;
  }
  const Network last = trajectory.At(reports.size() - 1);
  EXPECT_LT(LargestDifference(result->trials[0].network.first_layer, last.first_layer), 1e-9);
  EXPECT_LT(LargestDifference(result->trials[0].network.second_layer, last.second_layer), 1e-9);
}

TEST_P(TorchTrajectory, IsFollowedByBothEnginesInBothPrecisions) {
  for (const EngineKind kind : {EngineKind::kSmall, EngineKind::kTensor}) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      Trajectory trajectory(Trajectories().at(GetParam()));
      const Data data = {trajectory.data.features.to(type), trajectory.data.targets.to(type), {}, {}};
      const Network start = trajectory.At(0);
      TrialWeights weights;
      weights.shape = {start.inputs(), start.neurons(), start.outputs()};
      weights.flat =
          at::cat({start.first_layer.reshape({1, -1}), start.second_layer.reshape({1, -1})}, 1).to(type).contiguous();
      weights.gradient = at::zeros_like(weights.flat);
      if (start.gates.defined()) weights.gates = start.gates.unsqueeze(0).to(type);
      const auto engine = MakeEngineOf(kind, trajectory.options, data, weights);
      const auto update = MakeWeightUpdate(trajectory.options.optimizer, weights.flat);
      const double tolerance = type == at::kFloat ? 1e-5 : 1e-9;
      for (std::int64_t step = 1; step <= trajectory.options.max_epochs; ++step) {
        engine->TrainPass(true);
        update->Apply(weights.flat, weights.gradient);
        const Network expected = trajectory.At(static_cast<std::size_t>(step));
        const Network actual = NetworkAt(weights.flat, weights, 0);
        ASSERT_LT(LargestDifference(actual.first_layer.to(at::kDouble), expected.first_layer), tolerance) << step;
        ASSERT_LT(LargestDifference(actual.second_layer.to(at::kDouble), expected.second_layer), tolerance) << step;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stored, TorchTrajectory, testing::Range<std::size_t>(0, Trajectories().size()),
                         [](const testing::TestParamInfo<std::size_t>& instance) {
                           const Json& record = Trajectories().at(instance.param);
                           const bool momentum = record.at("momentum") > 0.0;
                           return record.at("optimizer").get<std::string>() + (momentum ? "_momentum_" : "_") +
                                  record.at("activation").get<std::string>() + "_" +
                                  record.at("penalty").get<std::string>() + "_" +
                                  std::to_string(record.at("outputs").get<int>());
                         });

}  // namespace
}  // namespace cvxnn::descent
