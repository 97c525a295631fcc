// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma & Ba 2015, algorithm 1) in the order of operations of torch.optim.Adam: with a ← β₁a + (1−β₁)g and
// q ← β₂q + (1−β₂)g², step t is w ← w − η/(1−β₁ᵗ) · a / (√q/√(1−β₂ᵗ) + ε). On a CPU one fused pass; elsewhere
// LibTorch's operations.
#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/descent/engines/parallel_ranges.h"
#include "core/descent/optimizers/optimizer.h"

namespace cvxnn::descent {
namespace {

/// Elements whose weights, gradient and state stay in the first-level cache between the three assignments of a step.
constexpr std::int64_t kCachedElements = 512;

class Adam : public WeightUpdate {
 public:
  Adam(const OptimizerOptions& options, const at::Tensor& weights)
      : options_(options), mean_(at::zeros_like(weights)), square_(at::zeros_like(weights)) {}

  void Apply(at::Tensor& weights, const at::Tensor& gradient) override {
    ++step_;
    const auto t = static_cast<double>(step_);
    step_size_ = options_.learning_rate / (1 - std::pow(options_.adam_beta1, t));
    root_correction_ = std::sqrt(1 - std::pow(options_.adam_beta2, t));
    if (weights.is_cpu()) {
      if (weights.scalar_type() == at::kFloat) {
        ApplyFused<float>(weights, gradient);
      } else {
        ApplyFused<double>(weights, gradient);
      }
      return;
    }
    mean_.mul_(options_.adam_beta1).add_(gradient, 1 - options_.adam_beta1);
    square_.mul_(options_.adam_beta2).addcmul_(gradient, gradient, 1 - options_.adam_beta2);
    weights.addcdiv_(mean_, square_.sqrt().div_(root_correction_).add_(options_.adam_epsilon), -step_size_);
  }

  void Keep(const at::Tensor& slots) override {
    const at::Tensor index = slots.to(mean_.device());
    mean_ = mean_.index_select(0, index);
    square_ = square_.index_select(0, index);
  }

 private:
  template <typename Scalar>
  void ApplyFused(at::Tensor& weights, const at::Tensor& gradient) {
    Scalar* const w = weights.data_ptr<Scalar>();
    const Scalar* const g = gradient.data_ptr<Scalar>();
    Scalar* const a = mean_.data_ptr<Scalar>();
    Scalar* const q = square_.data_ptr<Scalar>();
    const auto keep_mean = static_cast<Scalar>(options_.adam_beta1);
    const auto keep_square = static_cast<Scalar>(options_.adam_beta2);
    const auto add_mean = static_cast<Scalar>(1 - options_.adam_beta1);
    const auto add_square = static_cast<Scalar>(1 - options_.adam_beta2);
    const auto step = static_cast<Scalar>(step_size_);
    const auto scale = static_cast<Scalar>(1 / root_correction_);
    const auto epsilon = static_cast<Scalar>(options_.adam_epsilon);
    // Eigen's square root is vectorised where the compiler, which must set errno, does not.
    using Array = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    using ConstArray = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    ParallelRanges(weights.numel(), kElementGrain, [=](int, std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i += kCachedElements) {
        const std::int64_t count = std::min(kCachedElements, end - i);
        const ConstArray gradients(g + i, count);
        Array means(a + i, count);
        Array squares(q + i, count);
        means = keep_mean * means + add_mean * gradients;
        squares = keep_square * squares + add_square * gradients * gradients;
        Array(w + i, count) -= step * means / (squares.sqrt() * scale + epsilon);
      }
    });
  }

  OptimizerOptions options_;
  at::Tensor mean_;
  at::Tensor square_;
  std::int64_t step_ = 0;
  double step_size_ = 0;
  double root_correction_ = 1;
};

}  // namespace

std::unique_ptr<WeightUpdate> MakeAdam(const OptimizerOptions& options, const at::Tensor& weights) {
  return std::make_unique<Adam>(options, weights);
}

}  // namespace cvxnn::descent
