// SPDX-License-Identifier: Apache-2.0
// Optimisers that treat every weight alone: a rule says what one step does with a piece of the weights, the gradient
// and the state; the loops over pieces, threads and trials are here. On a CPU a step is one pass over memory.
#pragma once

#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/descent/engines/parallel_ranges.h"
#include "core/descent/optimizers/optimizer.h"

namespace cvxnn::descent {

/// The most matrices of state that a rule has.
inline constexpr int kMostStates = 3;

/// Weights of one trial that stay in the first-level cache during a step. Eigen's operations on them are vectorised
/// where the compiler's square root, which must set errno, is not.
template <typename Scalar>
struct Piece {
  using Array = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
  using ConstArray = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;

  Array weights;
  ConstArray gradient;
  Scalar* states[kMostStates];

  Array state(int index) const { return {states[index], gradient.size()}; }
};

/// At least the smallest normal number of the type: a smaller one would become 0 there, and a weight whose gradients
/// have all been 0 would step by 0/0.
inline double UsableEpsilon(double epsilon, const at::Tensor& weights) {
  const double least = weights.scalar_type() == at::kFloat ? static_cast<double>(std::numeric_limits<float>::min())
                                                           : std::numeric_limits<double>::min();
  return std::max(epsilon, least);
}

/// Rule has
///   int states() const, at most kMostStates, and double initial_state() const;
///   void Begin(std::int64_t t): step t (from 1) begins;
///   void Apply(Piece<Scalar>, Scalar rate) const for float and double: the step on one piece;
///   void Apply(weights, gradient, states, rates) const: the step on whole tensors, rates T×1.
template <typename Rule>
class ElementwiseUpdate : public WeightUpdate {
 public:
  ElementwiseUpdate(Rule rule, const at::Tensor& weights, Arithmetic arithmetic)
      : rule_(std::move(rule)), arithmetic_(arithmetic) {
    for (int i = 0; i < rule_.states(); ++i) states_.push_back(at::full_like(weights, rule_.initial_state()));
  }

  bool Apply(at::Tensor& weights, at::Tensor& gradient, const Step& step) override {
    rule_.Begin(++steps_);
    if (arithmetic_ == Arithmetic::kTensors) {
      const at::Tensor rates = at::tensor(step.rates, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
      const at::Tensor column = rates.unsqueeze(1).to(weights.device(), weights.scalar_type());
      rule_.Apply(weights, gradient, states_, column);
    } else if (weights.scalar_type() == at::kFloat) {
      ApplyFused<float>(weights, gradient, step.rates);
    } else {
      ApplyFused<double>(weights, gradient, step.rates);
    }
    return true;
  }

  void Keep(const at::Tensor& slots) override {
    for (at::Tensor& state : states_) state = state.index_select(0, slots.to(state.device()));
  }

  void Save(const std::string& prefix, State& state) const override {
    state[prefix + "steps"] = steps_;
    for (std::size_t i = 0; i < states_.size(); ++i) state[prefix + "state" + std::to_string(i)] = states_[i];
  }

  void Load(StateReader& reader) override {
    steps_ = reader.Integer("steps");
    for (std::size_t i = 0; i < states_.size(); ++i) {
      states_[i] = reader.TensorLike("state" + std::to_string(i), states_[i]);
    }
  }

 private:
  static constexpr std::int64_t kPiece = 512;

  template <typename Scalar>
  void ApplyFused(at::Tensor& weights, const at::Tensor& gradient, const std::vector<double>& rates) {
    Scalar* const w = weights.data_ptr<Scalar>();
    const Scalar* const g = gradient.data_ptr<Scalar>();
    Scalar* states[kMostStates] = {};
    for (std::size_t i = 0; i < states_.size(); ++i) states[i] = states_[i].template data_ptr<Scalar>();
    const std::int64_t size = weights.size(1);
    ParallelRanges(weights.numel(), kElementGrain, [&](int, std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t trial = begin / size;
        const std::int64_t count = std::min({kPiece, end - begin, (trial + 1) * size - begin});
        Piece<Scalar> piece{{w + begin, count}, {g + begin, count}, {}};
        for (int i = 0; i < kMostStates; ++i) piece.states[i] = states[i] == nullptr ? nullptr : states[i] + begin;
        rule_.Apply(piece, static_cast<Scalar>(rates[static_cast<std::size_t>(trial)]));
        begin += count;
      }
    });
  }

  Rule rule_;
  Arithmetic arithmetic_;
  std::vector<at::Tensor> states_;
  std::int64_t steps_ = 0;
};

template <typename Rule>
std::unique_ptr<WeightUpdate> MakeElementwise(Rule rule, const at::Tensor& weights, Arithmetic arithmetic) {
  return std::make_unique<ElementwiseUpdate<Rule>>(std::move(rule), weights, arithmetic);
}

}  // namespace cvxnn::descent
