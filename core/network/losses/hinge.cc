// SPDX-License-Identifier: Apache-2.0
// The hinge loss ℓ = max(0, 1 − y f) of targets y = ±1. ∂ℓ/∂f = −y where y f < 1, else 0 (also at the kink y f = 1).
#include <ATen/ATen.h>

#include "core/network/losses/losses.h"
#include "core/network/losses/separable.h"
#include "core/network/losses/targets.h"

namespace cvxnn {
namespace {

struct Hinge {
  template <typename Scalar>
  static Scalar Value(Scalar output, Scalar target) {
    const Scalar margin = target * output;
    return margin >= 1 ? Scalar{0} : 1 - margin;  // in this order a margin that is not a number stays one
  }
  template <typename Scalar>
  static Scalar Slope(Scalar output, Scalar target) {
    return target * output < 1 ? -target : Scalar{0};
  }
  static absl::Status Targets(const std::string& name, const at::Tensor& targets) {
    return CheckPlusMinusOne(Loss::kHinge, name, targets);
  }
};

class HingeFunction : public SeparableLoss<Hinge> {
 public:
  at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const at::Tensor margins = outputs.to(at::kDouble) * targets.to(at::kDouble);
    return (1 - margins).relu_().sum(at::IntArrayRef{-2, -1});
  }
  at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return (outputs * targets).lt(1).to(outputs.scalar_type()).mul_(targets).neg_();
  }
};

}  // namespace

const LossFunction& HingeLoss() {
  static const HingeFunction function;
  return function;
}

}  // namespace cvxnn
