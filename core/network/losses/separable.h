// SPDX-License-Identifier: Apache-2.0
// Losses that are a sum over single outputs, Σ ℓ(f, y): the loops over arrays are written once, here.
#pragma once

#include <cstdint>
#include <string>

#include "core/network/loss_function.h"

namespace cvxnn {

/// Rule has templates Value(f, y) = ℓ(f, y) and Slope(f, y) = ∂ℓ/∂f, static, for float and double, and
/// Targets, a function as LossFunction::CheckTargets.
template <typename Rule>
class SeparableLoss : public LossFunction {
 public:
  absl::Status CheckTargets(const std::string& name, const at::Tensor& targets) const final {
    return Rule::Targets(name, targets);
  }

  double SumOf(const float* outputs, const float* targets, std::int64_t rows, std::int64_t cols) const final {
    return SumOver(outputs, targets, rows * cols);
  }
  double SumOf(const double* outputs, const double* targets, std::int64_t rows, std::int64_t cols) const final {
    return SumOver(outputs, targets, rows * cols);
  }

  void Differentiate(float scale, const float* targets, std::int64_t rows, std::int64_t cols,
                     float* outputs) const final {
    DifferentiateAll(scale, targets, rows * cols, outputs);
  }
  void Differentiate(double scale, const double* targets, std::int64_t rows, std::int64_t cols,
                     double* outputs) const final {
    DifferentiateAll(scale, targets, rows * cols, outputs);
  }

 private:
  // Values are formed in float64, as Sum forms them.
  template <typename Scalar>
  static double SumOver(const Scalar* outputs, const Scalar* targets, std::int64_t count) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      sum += Rule::Value(static_cast<double>(outputs[i]), static_cast<double>(targets[i]));
    }
    return sum;
  }

  template <typename Scalar>
  static void DifferentiateAll(Scalar scale, const Scalar* targets, std::int64_t count, Scalar* outputs) {
    for (std::int64_t i = 0; i < count; ++i) outputs[i] = scale * Rule::Slope(outputs[i], targets[i]);
  }
};

}  // namespace cvxnn
