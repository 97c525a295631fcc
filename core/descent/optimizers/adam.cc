// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019, algorithm 2) in the order of operations of
// torch.optim: with a ← β₁a + (1−β₁)g and q ← β₂q + (1−β₂)g², step t is w ← w − η/(1−β₁ᵗ) · a / (√q/√(1−β₂ᵗ) + ε).
// AdamW shrinks the weights first: w ← (1 − ηλ) w.
#include <ATen/ATen.h>

#include <cmath>

#include "core/descent/optimizers/elementwise.h"

namespace cvxnn::descent {
namespace {

struct AdamRule {
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;           ///< λ, 0 for Adam
  double mean_correction = 1;    ///< 1 − β₁ᵗ
  double square_correction = 1;  ///< √(1 − β₂ᵗ)

  int states() const { return 2; }
  double initial_state() const { return 0; }
  void Begin(std::int64_t t) {
    mean_correction = 1 - std::pow(beta1, static_cast<double>(t));
    square_correction = std::sqrt(1 - std::pow(beta2, static_cast<double>(t)));
  }

  template <typename Scalar>
  void Apply(Piece<Scalar> piece, Scalar rate) const {
    auto means = piece.state(0);
    auto squares = piece.state(1);
    if (weight_decay > 0) piece.weights *= 1 - rate * static_cast<Scalar>(weight_decay);
    means = static_cast<Scalar>(beta1) * means + static_cast<Scalar>(1 - beta1) * piece.gradient;
    squares = static_cast<Scalar>(beta2) * squares + static_cast<Scalar>(1 - beta2) * piece.gradient * piece.gradient;
    const auto step = static_cast<Scalar>(rate / mean_correction);
    const auto scale = static_cast<Scalar>(1 / square_correction);
    piece.weights -= step * means / (squares.sqrt() * scale + static_cast<Scalar>(epsilon));
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient, std::vector<at::Tensor>& states,
             const at::Tensor& rates) const {
    if (weight_decay > 0) weights.mul_(1 - rates * weight_decay);
    states[0].mul_(beta1).add_(gradient, 1 - beta1);
    states[1].mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const at::Tensor roots = states[1].sqrt().div_(square_correction).add_(epsilon);
    weights.addcdiv_(states[0] * (rates / mean_correction), roots, -1);
  }
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Adam& adam, const at::Tensor& weights, Arithmetic arithmetic) {
  return MakeElementwise(AdamRule{adam.beta1, adam.beta2, UsableEpsilon(adam.epsilon, weights), 0}, weights,
                         arithmetic);
}

std::unique_ptr<WeightUpdate> Make(const AdamW& adamw, const at::Tensor& weights, Arithmetic arithmetic) {
  return MakeElementwise(AdamRule{adamw.beta1, adamw.beta2, UsableEpsilon(adamw.epsilon, weights), adamw.weight_decay},
                         weights, arithmetic);
}

}  // namespace cvxnn::descent
