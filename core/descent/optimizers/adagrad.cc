// SPDX-License-Identifier: Apache-2.0
// Adagrad (Duchi, Hazan & Singer 2011) in the order of operations of torch.optim.Adagrad: q ← q + g², and step t is
// w ← w − η/(1 + (t−1)δ) · g / (√q + ε) with decay δ of the rate.
#include <ATen/ATen.h>

#include "core/descent/optimizers/elementwise.h"

namespace cvxnn::descent {
namespace {

struct AdagradRule {
  Adagrad options;
  double rate_divisor = 1;  ///< 1 + (t−1)δ

  int states() const { return 1; }
  double initial_state() const { return options.initial_accumulator; }
  void Begin(std::int64_t t) { rate_divisor = 1 + static_cast<double>(t - 1) * options.rate_decay; }

  template <typename Scalar>
  void Apply(Piece<Scalar> piece, Scalar rate) const {
    auto squares = piece.state(0);
    squares += piece.gradient.square();
    const auto step = static_cast<Scalar>(rate / rate_divisor);
    piece.weights -= step * piece.gradient / (squares.sqrt() + static_cast<Scalar>(options.epsilon));
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient, std::vector<at::Tensor>& states,
             const at::Tensor& rates) const {
    states[0].addcmul_(gradient, gradient, 1);
    weights.addcdiv_(gradient * (rates / rate_divisor), states[0].sqrt().add_(options.epsilon), -1);
  }
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Adagrad& adagrad, const at::Tensor& weights, Arithmetic arithmetic) {
  AdagradRule rule{adagrad};
  rule.options.epsilon = UsableEpsilon(adagrad.epsilon, weights);
  return MakeElementwise(rule, weights, arithmetic);
}

}  // namespace cvxnn::descent
