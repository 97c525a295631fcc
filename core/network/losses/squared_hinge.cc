// SPDX-License-Identifier: Apache-2.0
// The squared hinge loss ℓ = max(0, 1 − y f)² of targets y = ±1, ∂ℓ/∂f = −2 y max(0, 1 − y f): a smooth hinge.
#include <ATen/ATen.h>

#include "core/network/losses/losses.h"
#include "core/network/losses/separable.h"
#include "core/network/losses/targets.h"

namespace cvxnn {
namespace {

struct SquaredHinge {
  template <typename Scalar>
  static Scalar Shortfall(Scalar output, Scalar target) {
    const Scalar margin = target * output;
    return margin >= 1 ? Scalar{0} : 1 - margin;  // in this order a margin that is not a number stays one
  }
  template <typename Scalar>
  static Scalar Value(Scalar output, Scalar target) {
    const Scalar shortfall = Shortfall(output, target);
    return shortfall * shortfall;
  }
  template <typename Scalar>
  static Scalar Slope(Scalar output, Scalar target) {
    return -2 * target * Shortfall(output, target);
  }
  static absl::Status Targets(const std::string& name, const at::Tensor& targets) {
    return CheckPlusMinusOne(Loss::kSquaredHinge, name, targets);
  }
};

class SquaredHingeFunction : public SeparableLoss<SquaredHinge> {
 public:
  at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const at::Tensor margins = outputs.to(at::kDouble) * targets.to(at::kDouble);
    return (1 - margins).relu_().square_().sum(at::IntArrayRef{-2, -1});
  }
  at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return (1 - outputs * targets).relu_().mul_(targets).mul_(-2);
  }
};

}  // namespace

const LossFunction& SquaredHingeLoss() {
  static const SquaredHingeFunction function;
  return function;
}

}  // namespace cvxnn
