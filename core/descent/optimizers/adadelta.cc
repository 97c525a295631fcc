// SPDX-License-Identifier: Apache-2.0
// Adadelta (Zeiler 2012, algorithm 1) in the order of operations of torch.optim.Adadelta: q ← ρq + (1−ρ)g²,
// s = √(a + ε)/√(q + ε) · g, a ← ρa + (1−ρ)s², w ← w − η s.
#include <ATen/ATen.h>

#include "core/descent/optimizers/elementwise.h"

namespace cvxnn::descent {
namespace {

struct AdadeltaRule {
  Adadelta options;

  int states() const { return 2; }
  double initial_state() const { return 0; }
  void Begin(std::int64_t /*t*/) {}

  template <typename Scalar>
  void Apply(Piece<Scalar> piece, Scalar rate) const {
    const auto rho = static_cast<Scalar>(options.rho);
    const auto fresh = static_cast<Scalar>(1 - options.rho);
    const auto epsilon = static_cast<Scalar>(options.epsilon);
    auto squares = piece.state(0);
    auto steps = piece.state(1);
    squares = rho * squares + fresh * piece.gradient * piece.gradient;
    // Used twice: once in the weights, and squared in the running square of steps.
    const auto step = ((steps + epsilon).sqrt() / (squares + epsilon).sqrt() * piece.gradient);
    piece.weights -= rate * step;
    steps = rho * steps + fresh * step.square();
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient, std::vector<at::Tensor>& states,
             const at::Tensor& rates) const {
    states[0].mul_(options.rho).addcmul_(gradient, gradient, 1 - options.rho);
    const at::Tensor step =
        states[1].add(options.epsilon).sqrt_().div_(states[0].add(options.epsilon).sqrt_()).mul_(gradient);
    weights.addcmul_(step, rates, -1);
    states[1].mul_(options.rho).addcmul_(step, step, 1 - options.rho);
  }
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Adadelta& adadelta, const at::Tensor& weights, Arithmetic arithmetic) {
  AdadeltaRule rule{adadelta};
  rule.options.epsilon = UsableEpsilon(adadelta.epsilon, weights);
  return MakeElementwise(rule, weights, arithmetic);
}

}  // namespace cvxnn::descent
