// SPDX-License-Identifier: Apache-2.0
// Names and default learning rates of the optimisers.
#include "core/descent/method.h"

namespace cvxnn::descent {
namespace {

struct NameOf {
  const char* operator()(const Sgd& /*sgd*/) const { return "sgd"; }
  const char* operator()(const Adam& /*adam*/) const { return "adam"; }
  const char* operator()(const AdamW& /*adamw*/) const { return "adamw"; }
  const char* operator()(const Adagrad& /*adagrad*/) const { return "adagrad"; }
  const char* operator()(const Adadelta& /*adadelta*/) const { return "adadelta"; }
  const char* operator()(const RmsProp& /*rmsprop*/) const { return "rmsprop"; }
  const char* operator()(const Lbfgs& /*lbfgs*/) const { return "lbfgs"; }
};

struct DefaultRateOf {
  double operator()(const Sgd& /*sgd*/) const { return 1e-2; }
  double operator()(const Adam& /*adam*/) const { return 1e-3; }
  double operator()(const AdamW& /*adamw*/) const { return 1e-3; }
  double operator()(const Adagrad& /*adagrad*/) const { return 1e-2; }
  double operator()(const Adadelta& /*adadelta*/) const { return 1; }
  double operator()(const RmsProp& /*rmsprop*/) const { return 1e-2; }
  double operator()(const Lbfgs& /*lbfgs*/) const { return 1; }
};

}  // namespace

double DefaultLearningRate(const Optimizer& optimizer) { return std::visit(DefaultRateOf(), optimizer); }

double LearningRate(const Method& method) {
  return method.learning_rate.value_or(DefaultLearningRate(method.optimizer));
}

std::string Name(const Optimizer& optimizer) { return std::visit(NameOf(), optimizer); }

}  // namespace cvxnn::descent
