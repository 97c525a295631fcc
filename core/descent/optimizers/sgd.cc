// SPDX-License-Identifier: Apache-2.0
// Gradient descent with momentum μ, as torch.optim.SGD without dampening: b ← μ b + g (b starts as zero), w ← w − η b,
// or with Nesterov's look ahead w ← w − η (g + μ b).
#include <ATen/ATen.h>

#include "core/descent/optimizers/elementwise.h"

namespace cvxnn::descent {
namespace {

struct SgdRule {
  Sgd options;

  int states() const { return options.momentum > 0 ? 1 : 0; }
  double initial_state() const { return 0; }
  void Begin(std::int64_t /*t*/) {}

  template <typename Scalar>
  void Apply(Piece<Scalar> piece, Scalar rate) const {
    if (options.momentum == 0) {
      piece.weights -= rate * piece.gradient;
      return;
    }
    const auto momentum = static_cast<Scalar>(options.momentum);
    auto velocity = piece.state(0);
    velocity = momentum * velocity + piece.gradient;
    if (options.nesterov) {
      piece.weights -= rate * (piece.gradient + momentum * velocity);
    } else {
      piece.weights -= rate * velocity;
    }
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient, std::vector<at::Tensor>& states,
             const at::Tensor& rates) const {
    if (options.momentum == 0) {
      weights.addcmul_(gradient, rates, -1);
      return;
    }
    states[0].mul_(options.momentum).add_(gradient);
    weights.addcmul_(options.nesterov ? gradient.add(states[0], options.momentum) : states[0], rates, -1);
  }
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Sgd& sgd, const at::Tensor& weights, Arithmetic arithmetic) {
  return MakeElementwise(SgdRule{sgd}, weights, arithmetic);
}

}  // namespace cvxnn::descent
