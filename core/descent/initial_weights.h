// SPDX-License-Identifier: Apache-2.0
// What is random in descent: initial weights, gates and the order of rows, each from a stream of its own that is
// determined by (seed, trial), so that a trial is the same whatever trains beside it, and an epoch's order can be made
// again without the epochs before it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/descent/descent.h"
#include "core/descent/trial_weights.h"

namespace cvxnn::descent {

/// Weights (and gates, when gated) of all trials of `options` before training. Drawn in float64 on the CPU and then
/// brought to the device and precision of `like`.
TrialWeights InitialWeights(const Options& options, const NetworkShape& shape, const at::Tensor& like);

/// The order in which `trial` sees the rows 0 … n-1 in `epoch` (>= 1): fills `order`, of size n, with a uniformly
/// random permutation.
void RowOrder(std::uint64_t seed, std::int64_t trial, std::int64_t epoch, std::vector<std::int64_t>* order);

}  // namespace cvxnn::descent
