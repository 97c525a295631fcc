// SPDX-License-Identifier: Apache-2.0
// Trials of a batch as entries of a checkpoint: their networks, where they have one, and how they ended.
#pragma once

#include <string>
#include <vector>

#include "core/descent/checkpoint.h"
#include "core/descent/descent.h"
#include "core/descent/grid.h"

namespace cvxnn::descent {

/// Puts `count` trials from `trials` into `state`, under names that begin with `prefix`.
void SaveTrials(const Trial* trials, std::size_t count, const std::string& prefix, State& state);

/// Takes them back: the trials of `batch`, of which only those in `without_network` (ascending) may have none. The
/// reader notes what is wrong.
std::vector<Trial> LoadTrials(const Batch& batch, const std::vector<std::int64_t>& without_network,
                              StateReader& reader);

}  // namespace cvxnn::descent
