// SPDX-License-Identifier: Apache-2.0
// Gradient descent with heavy-ball momentum μ, as torch.optim.SGD without dampening: b ← μ b + g, w ← w − η b, where b
// starts as zero. On a CPU one fused pass; elsewhere LibTorch's operations.
#include <ATen/ATen.h>

#include <cstdint>

#include "core/descent/engines/parallel_ranges.h"
#include "core/descent/optimizers/optimizer.h"

namespace cvxnn::descent {
namespace {

class Sgd : public WeightUpdate {
 public:
  Sgd(const OptimizerOptions& options, const at::Tensor& weights)
      : rate_(options.learning_rate), momentum_(options.momentum) {
    if (momentum_ > 0) velocity_ = at::zeros_like(weights);
  }

  void Apply(at::Tensor& weights, const at::Tensor& gradient) override {
    if (weights.is_cpu()) {
      if (weights.scalar_type() == at::kFloat) {
        ApplyFused<float>(weights, gradient);
      } else {
        ApplyFused<double>(weights, gradient);
      }
    } else if (velocity_.defined()) {
      velocity_.mul_(momentum_).add_(gradient);
      weights.sub_(velocity_, rate_);
    } else {
      weights.sub_(gradient, rate_);
    }
  }

  void Keep(const at::Tensor& slots) override {
    if (velocity_.defined()) velocity_ = velocity_.index_select(0, slots.to(velocity_.device()));
  }

 private:
  template <typename Scalar>
  void ApplyFused(at::Tensor& weights, const at::Tensor& gradient) {
    Scalar* const w = weights.data_ptr<Scalar>();
    const Scalar* const g = gradient.data_ptr<Scalar>();
    Scalar* const b = velocity_.defined() ? velocity_.data_ptr<Scalar>() : nullptr;
    const auto rate = static_cast<Scalar>(rate_);
    const auto momentum = static_cast<Scalar>(momentum_);
    ParallelRanges(weights.numel(), kElementGrain, [=](int, std::int64_t begin, std::int64_t end) {
      if (b == nullptr) {
        for (std::int64_t i = begin; i < end; ++i) w[i] -= rate * g[i];
        return;
      }
      for (std::int64_t i = begin; i < end; ++i) {
        b[i] = momentum * b[i] + g[i];
        w[i] -= rate * b[i];
      }
    });
  }

  double rate_;
  double momentum_;
  at::Tensor velocity_;
};

}  // namespace

std::unique_ptr<WeightUpdate> MakeSgd(const OptimizerOptions& options, const at::Tensor& weights) {
  return std::make_unique<Sgd>(options, weights);
}

}  // namespace cvxnn::descent
