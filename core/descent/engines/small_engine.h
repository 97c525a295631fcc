// SPDX-License-Identifier: Apache-2.0
// The engine for small problems on a CPU, where the cost of calling tensor operations would exceed their work.
#pragma once

#include <memory>

#include "core/descent/engines/engine.h"

namespace cvxnn::descent {

/// Weights and data must be on the CPU.
std::unique_ptr<Engine> MakeSmallEngine(const Options& options, const Data& data, TrialWeights& weights);

}  // namespace cvxnn::descent
