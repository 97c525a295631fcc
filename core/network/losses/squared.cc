// SPDX-License-Identifier: Apache-2.0
// The squared loss ℓ = (f − y)², ∂ℓ/∂f = 2 (f − y).
#include <ATen/ATen.h>

#include "core/network/losses/losses.h"
#include "core/network/losses/separable.h"

namespace cvxnn {
namespace {

struct Squared {
  template <typename Scalar>
  static Scalar Value(Scalar output, Scalar target) {
    return (output - target) * (output - target);
  }
  template <typename Scalar>
  static Scalar Slope(Scalar output, Scalar target) {
    return 2 * (output - target);
  }
  static absl::Status Targets(const std::string& /*name*/, const at::Tensor& /*targets*/) { return absl::OkStatus(); }
};

class SquaredFunction : public SeparableLoss<Squared> {
 public:
  at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return (outputs.to(at::kDouble) - targets.to(at::kDouble)).square_().sum(at::IntArrayRef{-2, -1});
  }
  at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return (outputs - targets).mul_(2);
  }
};

}  // namespace

const LossFunction& SquaredLoss() {
  static const SquaredFunction function;
  return function;
}

}  // namespace cvxnn
