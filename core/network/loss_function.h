// SPDX-License-Identifier: Apache-2.0
// A loss ℓ as a function of the outputs (MATH, section 1), behind one interface for both kinds of training. Everything
// here is before LossScale: callers multiply by SumMultiple(scale, rows). One file a loss under losses/.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "core/network/loss.h"

namespace cvxnn {

/// Stateless and thread-safe. Where ℓ has a kink (hinge at y f = 1) the derivative is 0, as that of PyTorch's ReLU.
/// Outputs that are not numbers, or infinite where ℓ grows with them, give sums that are not finite.
class LossFunction {
 public:
  virtual ~LossFunction() = default;

  /// INVALID_ARGUMENT "<name>: row 3, column 0 is 0.5: must be …" when targets (n×c) do not fit this loss.
  virtual absl::Status CheckTargets(const std::string& name, const at::Tensor& targets) const = 0;

  /// Σℓ over the last two dimensions of …×n×c outputs and targets, in float64: a tensor of the leading dimensions.
  virtual at::Tensor Sum(const at::Tensor& outputs, const at::Tensor& targets) const = 0;

  /// ∂ℓ/∂F, the shape and type of `outputs`.
  virtual at::Tensor Gradient(const at::Tensor& outputs, const at::Tensor& targets) const = 0;

  /// Σℓ over rows×cols row-major arrays, summed in float64; the same as Sum without the cost of a tensor operation.
  virtual double SumOf(const float* outputs, const float* targets, std::int64_t rows, std::int64_t cols) const = 0;
  virtual double SumOf(const double* outputs, const double* targets, std::int64_t rows, std::int64_t cols) const = 0;

  /// Replaces outputs by scale·∂ℓ/∂F, arrays as above.
  virtual void Differentiate(float scale, const float* targets, std::int64_t rows, std::int64_t cols,
                             float* outputs) const = 0;
  virtual void Differentiate(double scale, const double* targets, std::int64_t rows, std::int64_t cols,
                             double* outputs) const = 0;
};

/// Lives as long as the program.
const LossFunction& FunctionOf(Loss loss);

}  // namespace cvxnn
