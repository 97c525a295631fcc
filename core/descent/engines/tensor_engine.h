// SPDX-License-Identifier: Apache-2.0
// The engine for every device and size: batched tensor operations over trials.
#pragma once

#include <memory>

#include "core/descent/engines/engine.h"

namespace cvxnn::descent {

/// Holds at most the workspace of the options beside data and weights.
std::unique_ptr<Engine> MakeTensorEngine(const Options& options, const Data& data, TrialWeights& weights);

}  // namespace cvxnn::descent
