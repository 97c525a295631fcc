// SPDX-License-Identifier: Apache-2.0
// The trajectories that tests/oracle/make_descent_oracle.py stored, as our options, data and networks.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {

using Json = nlohmann::json;

inline const Json& Trajectories() {
  static const Json trajectories =
      Json::parse(std::ifstream(std::string(CVXNN_TESTDATA) + "/descent_trajectories.json")).at("trajectories");
  return trajectories;
}

inline at::Tensor MatrixOf(const Json& values, std::int64_t rows, std::int64_t cols) {
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

template <typename Enum, std::size_t kCount>
Enum Named(const Json& name, const Enum (&values)[kCount]) {
  for (const Enum value : values) {
    if (name == Name(value)) return value;
  }
  ADD_FAILURE() << name << " has no counterpart";
  return values[0];
}

/// torch.optim's arguments as our options.
inline Optimizer OptimizerOf(const std::string& name, const Json& options) {
  const auto set = [&](const char* argument, double* value) {
    if (options.contains(argument)) *value = options.at(argument);
  };
  const auto moments = [&](auto adam) {
    if (options.contains("betas")) {
      adam.beta1 = options.at("betas").at(0);
      adam.beta2 = options.at("betas").at(1);
    }
    set("eps", &adam.epsilon);
    return adam;
  };
  if (name == "adam") return moments(Adam());
  if (name == "adamw") {
    AdamW adamw = moments(AdamW());
    set("weight_decay", &adamw.weight_decay);
    return adamw;
  }
  if (name == "adagrad") {
    Adagrad adagrad;
    set("lr_decay", &adagrad.rate_decay);
    set("initial_accumulator_value", &adagrad.initial_accumulator);
    set("eps", &adagrad.epsilon);
    return adagrad;
  }
  if (name == "adadelta") {
    Adadelta adadelta;
    set("rho", &adadelta.rho);
    set("eps", &adadelta.epsilon);
    return adadelta;
  }
  if (name == "rmsprop") {
    RmsProp rmsprop;
    set("alpha", &rmsprop.alpha);
    set("eps", &rmsprop.epsilon);
    set("momentum", &rmsprop.momentum);
    rmsprop.centered = options.value("centered", false);
    return rmsprop;
  }
  if (name == "lbfgs") {
    Lbfgs lbfgs;
    lbfgs.history = options.value("history_size", lbfgs.history);
    return lbfgs;
  }
  EXPECT_EQ(name, "sgd");
  Sgd sgd;
  set("momentum", &sgd.momentum);
  sgd.nesterov = options.value("nesterov", false);
  return sgd;
}

/// torch.optim.lr_scheduler's arguments as our schedule.
inline Schedule ScheduleOf(const Json& record) {
  const std::string name = record.at("schedule");
  const Json& options = record.at("schedule_options");
  Schedule schedule;
  if (name == "exponential") schedule.kind = ExponentialDecay{options.at("gamma")};
  if (name == "step") schedule.kind = StepDecay{options.at("step_size"), options.at("gamma")};
  if (name == "cosine") schedule.kind = CosineAnnealing{options.at("T_max"), options.at("eta_min")};
  if (name == "reduce_on_plateau") {
    schedule.kind = ReduceOnPlateau{options.at("factor"), options.at("patience"), options.at("threshold"),
                                    options.at("cooldown"), options.at("min_lr")};
  }
  if (record.contains("warmup")) {
    schedule.warmup = {record.at("warmup").at("epochs"), record.at("warmup").at("start_factor")};
  }
  return schedule;
}

/// One stored trajectory as our options, data and start.
struct Trajectory {
  explicit Trajectory(const Json& json) : record(json) {
    const std::int64_t rows = json.at("rows"), inputs = json.at("inputs"), outputs = json.at("outputs");
    options.neurons = json.at("neurons");
    options.activation = Named(json.at("activation"), {Activation::kRelu, Activation::kGated});
    options.penalty = Named(json.at("penalty"), {Penalty::kGroupL2, Penalty::kWeightDecay, Penalty::kNone});
    options.loss = Named(json.at("loss"),
                         {Loss::kSquared, Loss::kLogistic, Loss::kCrossEntropy, Loss::kHinge, Loss::kSquaredHinge});
    options.loss_scale = Named(json.at("loss_scale"), {LossScale::kHalfSum, LossScale::kSum, LossScale::kMean});
    options.beta = json.at("beta");
    options.optimizer = OptimizerOf(json.at("optimizer"), json.at("options"));
    options.learning_rate = json.at("learning_rate");
    options.schedule = ScheduleOf(json);
    if (json.contains("clip_norm")) options.clip_norm = json.at("clip_norm");
    data.features = MatrixOf(json.at("features"), rows, inputs);
    data.targets = MatrixOf(json.at("targets"), rows, outputs);
    options.start = {At(0)};
    options.max_epochs = steps();
  }

  std::int64_t steps() const { return static_cast<std::int64_t>(record.at("objectives").size()) - 1; }

  Network At(std::int64_t step) const {
    const std::int64_t inputs = record.at("inputs"), neurons = record.at("neurons"), outputs = record.at("outputs");
    const auto index = static_cast<std::size_t>(step);
    Network network;
    network.activation = options.activation;
    network.first_layer = MatrixOf(record.at("first_layers").at(index), inputs, neurons);
    network.second_layer = MatrixOf(record.at("second_layers").at(index), neurons, outputs);
    if (options.activation == Activation::kGated) network.gates = MatrixOf(record.at("gates"), inputs, neurons);
    return network;
  }

  const Json& record;
  Options options;
  Data data;
};

}  // namespace cvxnn::descent
