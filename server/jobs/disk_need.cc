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

std::int64_t BytesOfModels(const training::Spec& spec, std::int64_t inputs, std::int64_t outputs) {
  const auto* descent = std::get_if<training::GradientDescent>(&spec.method);
  if (descent == nullptr) return 0;
  const std::vector<std::int64_t> widths =
      descent->grid.neurons.empty() ? std::vector<std::int64_t>{descent->neurons} : descent->grid.neurons;
  double neurons = 0;  // of a model, on average; all widths have as many trials
  for (const std::int64_t width : widths) neurons += static_cast<double>(width) / static_cast<double>(widths.size());
  const double gates = descent->activation == Activation::kGated ? static_cast<double>(inputs) : 0;
  const double bytes = neurons * (static_cast<double>(inputs + outputs) + gates) * sizeof(double);
  const auto trials = static_cast<double>(descent::TrialsInAll(*descent));
  const double kept = spec.keep_best > 0 ? std::min(trials, static_cast<double>(spec.keep_best)) : trials;
  const descent::SnapshotEpochs snapshots(descent->snapshots, spec.stopping.max_epochs);
  const double all = bytes * (kept + (descent->snapshots ? trials * static_cast<double>(snapshots.count()) : 0));
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return all < static_cast<double>(kMost) ? static_cast<std::int64_t>(all) : kMost;
}

}  // namespace cvxnn::server
