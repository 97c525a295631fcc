// SPDX-License-Identifier: Apache-2.0
// Activation patterns of descent's neurons over the training rows, 1[Xu_j > 0] (gated: 1[Xg_j >= 0], which never
// change): how many are no longer those of the start, are distinct, are active nowhere. Exact: bits are compared.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/descent/trial_weights.h"

namespace cvxnn::descent {

struct PatternCounts {
  std::int64_t changed = 0;
  std::int64_t distinct = 0;
  std::int64_t dead = 0;
};

/// Remembers the patterns of the weights it is made with: a bit for each row, neuron and trial, on the host. Not
/// thread-safe.
class PatternTracker {
 public:
  /// `features`: n×d, of the weights' device and type.
  PatternTracker(const at::Tensor& features, const TrialWeights& weights);

  /// Of the trial in a slot of `weights`, compared with the start of the trial in slot `start`.
  PatternCounts Count(const TrialWeights& weights, std::int64_t slot, std::size_t start) const;

  /// Leaves only these starts (ascending).
  void Keep(const std::vector<std::int64_t>& slots);

  /// Bytes that it takes for so many trials, and while it counts.
  static double Bytes(double trials, double neurons, double rows);

 private:
  using Bits = std::vector<std::uint64_t>;  ///< m × words

  Bits BitsOf(const TrialWeights& weights, std::int64_t slot) const;

  at::Tensor features_;
  std::size_t words_;  ///< that hold a neuron's pattern
  std::vector<Bits> starts_;
};

}  // namespace cvxnn::descent
