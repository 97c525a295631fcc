// SPDX-License-Identifier: Apache-2.0
// RMSprop (Tieleman & Hinton 2012) in the order of operations of torch.optim.RMSprop: q ← αq + (1−α)g², and the step is
// s = g / (√q + ε), or centered (Graves 2013) g / (√(q − a²) + ε) with a ← αa + (1−α)g. With momentum μ: b ← μ b + s
// and w ← w − η b, else w ← w − η s.
#include <ATen/ATen.h>

#include "core/descent/optimizers/elementwise.h"

namespace cvxnn::descent {
namespace {

struct RmsPropRule {
  RmsProp options;

  int states() const { return 1 + (options.momentum > 0 ? 1 : 0) + (options.centered ? 1 : 0); }
  double initial_state() const { return 0; }
  void Begin(std::int64_t /*t*/) {}
  int mean_state() const { return options.momentum > 0 ? 2 : 1; }

  template <typename Scalar>
  void Apply(Piece<Scalar> piece, Scalar rate) const {
    const auto alpha = static_cast<Scalar>(options.alpha);
    const auto fresh = static_cast<Scalar>(1 - options.alpha);
    const auto epsilon = static_cast<Scalar>(options.epsilon);
    auto squares = piece.state(0);
    squares = alpha * squares + fresh * piece.gradient * piece.gradient;
    if (!options.centered) {
      Take(piece, rate, piece.gradient / (squares.sqrt() + epsilon));
      return;
    }
    auto means = piece.state(mean_state());
    means = alpha * means + fresh * piece.gradient;
    // A variance; rounding may take it below zero.
    Take(piece, rate, piece.gradient / ((squares - means.square()).max(Scalar{0}).sqrt() + epsilon));
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient, std::vector<at::Tensor>& states,
             const at::Tensor& rates) const {
    states[0].mul_(options.alpha).addcmul_(gradient, gradient, 1 - options.alpha);
    at::Tensor roots = states[0];
    if (options.centered) {
      at::Tensor& means = states[static_cast<std::size_t>(mean_state())];
      means.mul_(options.alpha).add_(gradient, 1 - options.alpha);
      roots = states[0].addcmul(means, means, -1).clamp_min_(0);
    }
    at::Tensor step = gradient / roots.sqrt().add_(options.epsilon);
    if (options.momentum > 0) step = states[1].mul_(options.momentum).add_(step);
    weights.addcmul_(step, rates, -1);
  }

 private:
  template <typename Scalar, typename Expression>
  void Take(Piece<Scalar>& piece, Scalar rate, const Expression& step) const {
    if (options.momentum == 0) {
      piece.weights -= rate * step;
      return;
    }
    auto velocity = piece.state(1);
    velocity = static_cast<Scalar>(options.momentum) * velocity + step;
    piece.weights -= rate * velocity;
  }
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const RmsProp& rmsprop, const at::Tensor& weights, Arithmetic arithmetic) {
  RmsPropRule rule{rmsprop};
  rule.options.epsilon = UsableEpsilon(rmsprop.epsilon, weights);
  return MakeElementwise(rule, weights, arithmetic);
}

}  // namespace cvxnn::descent
