// SPDX-License-Identifier: Apache-2.0
// The choice of an optimiser by its options.
#include "core/descent/optimizers/optimizer.h"

namespace cvxnn::descent {
namespace {

struct MatricesOf {
  std::int64_t operator()(const Sgd& sgd) const { return sgd.momentum > 0 ? 1 : 0; }
  std::int64_t operator()(const Adam& /*adam*/) const { return 2; }
  std::int64_t operator()(const AdamW& /*adamw*/) const { return 2; }
  std::int64_t operator()(const Adagrad& /*adagrad*/) const { return 1; }
  std::int64_t operator()(const Adadelta& /*adadelta*/) const { return 2; }
  std::int64_t operator()(const RmsProp& rmsprop) const {
    return 1 + (rmsprop.momentum > 0 ? 1 : 0) + (rmsprop.centered ? 1 : 0);
  }
  // Pairs of the history and the one that a step replaces; start, two directions, two gradients, and two products of
  // the recursion: the state before the step is kept until it is done.
  std::int64_t operator()(const Lbfgs& lbfgs) const { return 2 * (lbfgs.history + 1) + 7; }
};

}  // namespace

std::unique_ptr<WeightUpdate> MakeWeightUpdate(const Optimizer& optimizer, const at::Tensor& weights) {
  return MakeWeightUpdate(optimizer, weights, weights.is_cpu() ? Arithmetic::kFused : Arithmetic::kTensors);
}

std::unique_ptr<WeightUpdate> MakeWeightUpdate(const Optimizer& optimizer, const at::Tensor& weights,
                                               Arithmetic arithmetic) {
  return std::visit([&](const auto& chosen) { return Make(chosen, weights, arithmetic); }, optimizer);
}

std::int64_t StateMatrices(const Optimizer& optimizer) { return std::visit(MatricesOf(), optimizer); }

}  // namespace cvxnn::descent
