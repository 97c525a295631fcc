// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy of one-hot targets: a row's loss is log Σ_k exp f_k − yᵀf, its gradient softmax(f) − y. The
// largest output is subtracted first, so that no exponential overflows.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/network/losses/losses.h"
#include "core/network/losses/targets.h"

namespace cvxnn {
namespace {

template <typename Scalar>
double SumOver(const Scalar* outputs, const Scalar* targets, std::int64_t rows, std::int64_t cols) {
  double sum = 0;
  for (std::int64_t i = 0; i < rows; ++i, outputs += cols, targets += cols) {
    const double largest = *std::max_element(outputs, outputs + cols);
    double exponentials = 0, chosen = 0;
    for (std::int64_t k = 0; k < cols; ++k) {
      const double shifted = static_cast<double>(outputs[k]) - largest;
      exponentials += std::exp(shifted);
      if (targets[k] != 0) chosen += static_cast<double>(targets[k]) * shifted;
    }
    sum += std::log(exponentials) - chosen;
  }
  return sum;
}

template <typename Scalar>
void DifferentiateRows(Scalar scale, const Scalar* targets, std::int64_t rows, std::int64_t cols, Scalar* outputs) {
  for (std::int64_t i = 0; i < rows; ++i, outputs += cols, targets += cols) {
    const Scalar largest = *std::max_element(outputs, outputs + cols);
    Scalar exponentials = 0;
    for (std::int64_t k = 0; k < cols; ++k) {
      outputs[k] = std::exp(outputs[k] - largest);
      exponentials += outputs[k];
    }
    for (std::int64_t k = 0; k < cols; ++k) outputs[k] = scale * (outputs[k] / exponentials - targets[k]);
  }
}

class CrossEntropyFunction : public LossFunction {
 public:
  absl::Status CheckTargets(const std::string& name, const at::Tensor& targets) const override {
    return CheckOneHot(Loss::kCrossEntropy, name, targets);
  }

  // Targets pick, not weigh: 0 times the −∞ of a log-probability would not be a number.
  at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return at::log_softmax(outputs.to(at::kDouble), -1)
        .masked_fill_(targets == 0, 0)
        .neg_()
        .sum(at::IntArrayRef{-2, -1});
  }
  at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const override {
    return at::softmax(outputs, -1).sub_(targets);
  }

  double SumOf(const float* outputs, const float* targets, std::int64_t rows, std::int64_t cols) const override {
    return SumOver(outputs, targets, rows, cols);
  }
  double SumOf(const double* outputs, const double* targets, std::int64_t rows, std::int64_t cols) const override {
    return SumOver(outputs, targets, rows, cols);
  }
  void Differentiate(float scale, const float* targets, std::int64_t rows, std::int64_t cols,
                     float* outputs) const override {
    DifferentiateRows(scale, targets, rows, cols, outputs);
  }
  void Differentiate(double scale, const double* targets, std::int64_t rows, std::int64_t cols,
                     double* outputs) const override {
    DifferentiateRows(scale, targets, rows, cols, outputs);
  }
};

}  // namespace

const LossFunction& CrossEntropyLoss() {
  static const CrossEntropyFunction function;
  return function;
}

}  // namespace cvxnn
