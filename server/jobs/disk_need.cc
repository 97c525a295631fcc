// SPDX-License-Identifier: Apache-2.0
// See disk_need.h.
#include "server/jobs/disk_need.h"

#include <algorithm>
#include <limits>
#include <variant>
#include <vector>

#include "core/descent/grid.h"
#include "core/descent/snapshot_epochs.h"

namespace cvxnn::server {

std::int64_t BytesOfModels(const training::Spec& spec, const ModelShape& shape, std::int64_t stored_snapshots) {
  const auto* descent = std::get_if<training::GradientDescent>(&spec.method);
  if (descent == nullptr) return 0;
  const ModelShape::Start start = shape.start.value_or(ModelShape::Start{descent->neurons, descent->activation});
  const std::vector<std::int64_t> widths =
      descent->grid.neurons.empty() ? std::vector<std::int64_t>{start.neurons} : descent->grid.neurons;
  double neurons = 0;  // of a model, on average; all widths have as many trials
  for (const std::int64_t width : widths) neurons += static_cast<double>(width) / static_cast<double>(widths.size());
  const double gates = start.activation == Activation::kGated ? static_cast<double>(shape.inputs) : 0;
  const double bytes =
      neurons * (static_cast<double>(shape.inputs + shape.outputs) + gates) * static_cast<double>(shape.element_bytes);
  const auto trials = static_cast<double>(descent::TrialsInAll(*descent));
  const double kept = spec.keep_best > 0 ? std::min(trials, static_cast<double>(spec.keep_best)) : trials;
  const descent::SnapshotEpochs snapshots(descent->snapshots, spec.stopping.max_epochs);
  const double on_the_way = descent->snapshots ? trials * static_cast<double>(snapshots.count()) : 0;
  const double all = bytes * (kept + std::max(0.0, on_the_way - static_cast<double>(stored_snapshots)));
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return all < static_cast<double>(kMost) ? static_cast<std::int64_t>(all) : kMost;
}

}  // namespace cvxnn::server
