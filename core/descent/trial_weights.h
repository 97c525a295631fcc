// SPDX-License-Identifier: Apache-2.0
// The weights of all trials in training together: one row of a flat matrix per trial, so that an optimiser's step is a
// few passes over one buffer, with the layers as views into it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/network/network.h"

namespace cvxnn::descent {

/// Sizes of one network.
struct NetworkShape {
  std::int64_t inputs = 0;   ///< d
  std::int64_t neurons = 0;  ///< m
  std::int64_t outputs = 0;  ///< c
  std::int64_t first_size() const { return inputs * neurons; }
  std::int64_t size() const { return (inputs + outputs) * neurons; }
};

/// Views of rows U (t×d×m) and α (t×m×c) into a flat t×(d·m + m·c) matrix.
at::Tensor FirstLayers(const at::Tensor& flat, const NetworkShape& shape);
at::Tensor SecondLayers(const at::Tensor& flat, const NetworkShape& shape);

/// Weights of the T trials still in training and the gradient at them. A trial's row is called its slot.
struct TrialWeights {
  NetworkShape shape;
  at::Tensor flat;      ///< T×(d·m + m·c), contiguous
  at::Tensor gradient;  ///< the same shape
  at::Tensor gates;     ///< T×d×m for a gated network (stride 0 over trials when they share them), else undefined
  std::vector<double> betas;  ///< β of each trial
  at::Tensor beta_column;     ///< the same, T×1 like flat

  std::int64_t trials() const { return flat.size(0); }

  /// Gives each trial its β; size T.
  void SetBetas(std::vector<double> values);

  /// The trials `copies` times, one set after the other.
  void Repeat(std::int64_t copies);

  /// Leaves only the rows in `slots` (ascending, int64, on the CPU), in that order.
  void Keep(const at::Tensor& slots);
};

/// A copy of the network in a row of `flat`, which may be a snapshot of the weights.
Network NetworkAt(const at::Tensor& flat, const TrialWeights& weights, std::int64_t slot);

}  // namespace cvxnn::descent
