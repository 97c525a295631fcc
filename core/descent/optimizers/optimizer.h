// SPDX-License-Identifier: Apache-2.0
// Turns gradients into steps, for all trials at once. An optimiser sees only a flat T×K matrix of weights; its state
// has the same shape, so that trials can be dropped (and, kept with the weights, training can be resumed).
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "core/descent/method.h"

namespace cvxnn::descent {

/// Not thread-safe.
class WeightUpdate {
 public:
  virtual ~WeightUpdate() = default;
  /// One step: changes `weights` (T×K, contiguous) in place, given the gradient at them.
  virtual void Apply(at::Tensor& weights, const at::Tensor& gradient) = 0;
  /// Leaves only the state of the trials in `slots` (ascending, int64, on the CPU).
  virtual void Keep(const at::Tensor& slots) = 0;
};

/// The optimiser of `options` in its initial state for weights like `weights`.
std::unique_ptr<WeightUpdate> MakeWeightUpdate(const OptimizerOptions& options, const at::Tensor& weights);

/// The optimisers that MakeWeightUpdate chooses from.
std::unique_ptr<WeightUpdate> MakeSgd(const OptimizerOptions& options, const at::Tensor& weights);
std::unique_ptr<WeightUpdate> MakeAdam(const OptimizerOptions& options, const at::Tensor& weights);

}  // namespace cvxnn::descent
