// SPDX-License-Identifier: Apache-2.0
// Turns gradients into steps, for all trials at once. An optimiser sees only a flat T×K matrix of weights; its state
// has the same shape, so that trials can be dropped, and can be saved, so that training can be resumed.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/descent/checkpoint.h"
#include "core/descent/method.h"

namespace cvxnn::descent {

/// What a step is given beside weights and gradient.
struct Step {
  const std::vector<double>& rates;  ///< learning rate of each of the T trials
  /// Objective of each trial at the weights given. Full batch only, as all below.
  const std::vector<double>& objectives;
  /// Fills the gradient, and `objectives` (T values), at the weights as they now are; false when training is to stop.
  const std::function<bool(std::vector<double>* objectives)>& evaluate;
};

/// Not thread-safe.
class WeightUpdate {
 public:
  virtual ~WeightUpdate() = default;
  /// One step: changes `weights` (T×K, contiguous) in place, given the gradient at them, which it may overwrite. False
  /// when it was told to stop on the way; the weights are then of no use, the state is that before the step.
  virtual bool Apply(at::Tensor& weights, at::Tensor& gradient, const Step& step) = 0;
  /// Leaves only the state of the trials in `slots` (ascending, int64, on the CPU).
  virtual void Keep(const at::Tensor& slots) = 0;
  /// Whether no further step can change any trial.
  virtual bool finished() const { return false; }
  /// Whether no further step can change this trial because none was found, not because it is where it should be.
  virtual bool stalled(std::size_t /*slot*/) const { return false; }
  /// Puts all that later steps depend on into `state`, under names that begin with `prefix`. Tensors are shared.
  virtual void Save(const std::string& prefix, State& state) const = 0;
  /// Takes what Save gave, of the same trials; the reader notes what is wrong.
  virtual void Load(StateReader& reader) = 0;
};

/// How the arithmetic of a step is done: one fused pass over memory (CPU only), or LibTorch's operations.
enum class Arithmetic { kFused, kTensors };

/// The optimiser in its initial state for weights like `weights`; fused on a CPU.
std::unique_ptr<WeightUpdate> MakeWeightUpdate(const Optimizer& optimizer, const at::Tensor& weights);
std::unique_ptr<WeightUpdate> MakeWeightUpdate(const Optimizer& optimizer, const at::Tensor& weights,
                                               Arithmetic arithmetic);

/// The optimisers that MakeWeightUpdate chooses from, each in the file of its name.
std::unique_ptr<WeightUpdate> Make(const Sgd& sgd, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const Adam& adam, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const AdamW& adamw, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const Adagrad& adagrad, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const Adadelta& adadelta, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const RmsProp& rmsprop, const at::Tensor& weights, Arithmetic arithmetic);
std::unique_ptr<WeightUpdate> Make(const Lbfgs& lbfgs, const at::Tensor& weights, Arithmetic arithmetic);

/// Matrices of the size of the weights that the optimiser keeps, at most, and needs within a step.
std::int64_t StateMatrices(const Optimizer& optimizer);

}  // namespace cvxnn::descent
