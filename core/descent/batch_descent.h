// SPDX-License-Identifier: Apache-2.0
// Descent of one batch: trials of equal sizes that train together.
#pragma once

#include "absl/status/statusor.h"
#include "core/descent/descent.h"
#include "core/descent/grid.h"
#include "core/descent/run_control.h"

namespace cvxnn::descent {

/// Trains the trials of `batch`, which must be valid, and reports through `control`, from the start or from where
/// `resumed` (null: the start) was saved. INVALID_ARGUMENT when a trial's objective is not finite before its first
/// step; what the observer of snapshots answers. LibTorch's exceptions pass through.
absl::StatusOr<Result> DescendBatch(const Batch& batch, RunControl& control, const State* resumed);

/// Whether `state` holds a batch in training.
bool HoldsBatch(const State& state);

}  // namespace cvxnn::descent
