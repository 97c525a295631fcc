// SPDX-License-Identifier: Apache-2.0
// A Grid (method.h) as batches: trials of equal sizes train together, whatever their learning rates and β; batches
// follow each other in the order of their trials' numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Settings that the grid combines, at least 1.
std::int64_t Combinations(const Grid& grid);

/// Trials of all combinations.
std::int64_t TrialsInAll(const Method& method);

/// Pairs of training rows and neurons, at least 1.
std::int64_t BatchCount(const Grid& grid);

/// Trials that train together.
struct Batch {
  Options options;                     ///< of the run, with the neurons of this batch and without a grid
  Data data;                           ///< its training rows, and all test rows
  std::int64_t first = 0;              ///< number of its first trial, from 0
  std::vector<TrialSetting> settings;  ///< of each of its trials; trial i draws from stream first_trial + i mod trials
};

/// The batch of this index, 0 <= index < BatchCount. Tensors are shared with `options` and `data`.
Batch BatchAt(const Options& options, const Data& data, std::int64_t index);

}  // namespace cvxnn::descent
