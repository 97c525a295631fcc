// SPDX-License-Identifier: Apache-2.0
// See grid.h.
#include "core/descent/grid.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cvxnn::descent {
namespace {

template <typename Value>
std::int64_t Count(const std::vector<Value>& values) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(values.size()));
}

/// The values of a list, or the one that stands for an empty list.
template <typename Value>
std::vector<Value> Or(const std::vector<Value>& values, Value otherwise) {
  return values.empty() ? std::vector<Value>{otherwise} : values;
}

}  // namespace

std::int64_t Combinations(const Grid& grid) {
  return BatchCount(grid) * Count(grid.learning_rates) * Count(grid.betas);
}

std::int64_t TrialsInAll(const Method& method) { return Combinations(method.grid) * method.trials; }

std::int64_t BatchCount(const Grid& grid) { return Count(grid.training_rows) * Count(grid.neurons); }

Batch BatchAt(const Options& options, const Data& data, std::int64_t index) {
  const Grid& grid = options.grid;
  const std::int64_t widths = Count(grid.neurons);
  const std::int64_t rows = Or(grid.training_rows, data.features.size(0))[static_cast<std::size_t>(index / widths)];
  Batch batch;
  batch.options = options;
  batch.options.grid = {};
  batch.options.neurons = Or(grid.neurons, options.neurons)[static_cast<std::size_t>(index % widths)];
  batch.data = data;
  batch.data.features = data.features.narrow(0, 0, rows);
  batch.data.targets = data.targets.narrow(0, 0, rows);
  for (const double rate : Or(grid.learning_rates, LearningRate(options))) {
    for (const double beta : Or(grid.betas, options.penalty == Penalty::kNone ? 0 : options.beta)) {
      const TrialSetting setting{rows, batch.options.neurons, rate, beta};
      batch.settings.insert(batch.settings.end(), static_cast<std::size_t>(options.trials), setting);
    }
  }
  batch.first = index * static_cast<std::int64_t>(batch.settings.size());
  return batch;
}

}  // namespace cvxnn::descent
