// SPDX-License-Identifier: Apache-2.0
// The logistic loss ℓ = log(1 + exp(−y f)) of targets y = ±1, ∂ℓ/∂f = −y / (1 + exp(y f)). Written so that no
// exponential overflows: log(1 + exp(−z)) = max(0, −z) + log(1 + exp(−|z|)).
#include <ATen/ATen.h>

#include <cmath>

#include "core/network/losses/losses.h"
#include "core/network/losses/separable.h"
#include "core/network/losses/targets.h"

namespace cvxnn {
namespace {

struct Logistic {
  template <typename Scalar>
  static Scalar Value(Scalar output, Scalar target) {
    const Scalar margin = target * output;
    return (margin >= 0 ? Scalar{0} : -margin) + std::log1p(std::exp(-std::abs(margin)));
  }
  template <typename Scalar>
  static Scalar Slope(Scalar output, Scalar target) {
    return -target / (1 + std::exp(target * output));
  }
  static absl::Status Targets(const std::string& name, const at::Tensor& targets) {
    return CheckPlusMinusOne(Loss::kLogistic, name, targets);
  }
};

class LogisticFunction : public SeparableLoss<Logistic> {
 public:
  at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const at::Tensor margins = outputs.to(at::kDouble) * targets.to(at::kDouble);
    return at::log_sigmoid(margins).neg_().sum(at::IntArrayRef{-2, -1});
  }
  at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return (outputs * targets).neg_().sigmoid_().mul_(targets).neg_();
  }
};

}  // namespace

const LossFunction& LogisticLoss() {
  static const LogisticFunction function;
  return function;
}

}  // namespace cvxnn
