// SPDX-License-Identifier: Apache-2.0
// What descent will hold at its peak, estimated before any of it is allocated.
#pragma once

#include "absl/status/status.h"
#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Bytes beside the data.
struct MemoryNeed {
  double device = 0;  ///< on the device of the data: weights, optimiser state, workspace
  double host = 0;    ///< on the host: weights as they are drawn, row orders of mini-batches
};

/// Of the batch that needs most, beside the results of all.
MemoryNeed EstimateMemory(const Options& options, const Data& data);

/// Bytes of a checkpoint at most.
double CheckpointBytes(const Options& options, const Data& data);

/// RESOURCE_EXHAUSTED naming the trials, what they need and what is available, on the device or on the host, with what
/// the observers ask for.
absl::Status CheckMemoryFits(const Options& options, const Data& data, const Observers& observers);

}  // namespace cvxnn::descent
