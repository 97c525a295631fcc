// SPDX-License-Identifier: Apache-2.0
// See memory.h.
#include "core/descent/memory.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/descent/engines/engine.h"
#include "core/descent/grid.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/patterns.h"
#include "core/torch/runtime.h"

namespace cvxnn::descent {

namespace {

/// Of one batch, without its results.
MemoryNeed NeedOf(const Batch& batch) {
  const Options& options = batch.options;
  const at::Tensor& features = batch.data.features;
  const auto element = static_cast<double>(features.element_size());
  const auto rows = static_cast<double>(features.size(0));
  const auto trials = static_cast<double>(batch.settings.size());
  const double hidden = trials * static_cast<double>(options.neurons);
  const double first = hidden * static_cast<double>(features.size(1));
  const double weights = first + hidden * static_cast<double>(batch.data.targets.size(1));
  const bool gated = options.activation == Activation::kGated;
  const bool own_gates = gated && !options.gates.defined();

  MemoryNeed need;
  // Weights, gradient, those of the last epoch, and two temporaries of a step.
  const double copies = 5 + static_cast<double>(StateMatrices(options.optimizer));
  need.device = copies * weights * element + (own_gates ? first * element : 0);
  // Their squares are summed in float64: two such copies of the larger layer at a time where they are not.
  if (element < sizeof(double)) need.device += 2 * sizeof(double) * std::max(first, weights - first);
  const double workspace = options.workspace_bytes > 0 ? static_cast<double>(options.workspace_bytes) : 0x1p29;
  need.device += std::min(workspace, 3 * element * hidden * rows);

  // Random weights are drawn in float64 on the host.
  if (options.start.empty()) need.host += 8 * (weights + (own_gates ? first : 0));
  const auto step_rows = static_cast<double>(StepRows(options, batch.data));
  if (step_rows < rows) need.host += 8 * trials * (rows + step_rows);
  if (options.reports.pattern_statistics) {
    need.host += PatternTracker::Bytes(trials, static_cast<double>(options.neurons), rows);
  }
  return need;
}

/// Bytes of the networks of a batch.
double ResultOf(const Batch& batch) {
  const auto inputs = static_cast<double>(batch.data.features.size(1));
  const double columns = inputs * (batch.options.activation == Activation::kGated ? 2 : 1) +
                         static_cast<double>(batch.data.targets.size(1));
  return static_cast<double>(batch.settings.size()) * static_cast<double>(batch.options.neurons) * columns *
         static_cast<double>(batch.data.features.element_size());
}

}  // namespace

MemoryNeed EstimateMemory(const Options& options, const Data& data) {
  MemoryNeed most;
  double results = 0;
  for (std::int64_t index = 0; index < BatchCount(options.grid); ++index) {
    const Batch batch = BatchAt(options, data, index);
    const MemoryNeed need = NeedOf(batch);
    most.device = std::max(most.device, need.device);
    most.host = std::max(most.host, need.host);
    results += ResultOf(batch);
  }
  most.device += results;
  return most;
}

double CheckpointBytes(const Options& options, const Data& data) {
  double results = 0;
  double largest = 0;
  for (std::int64_t index = 0; index < BatchCount(options.grid); ++index) {
    const double networks = ResultOf(BatchAt(options, data, index));
    results += networks;
    largest = std::max(largest, networks);
  }
  // Networks are put together, and then written. Of the batch in training: weights as of the last epoch and as they
  // are, and the optimiser's state.
  return 2 * results + (2 + static_cast<double>(StateMatrices(options.optimizer))) * largest;
}

absl::Status CheckMemoryFits(const Options& options, const Data& data, const Observers& observers) {
  MemoryNeed need = EstimateMemory(options, data);
  const c10::Device host(at::kCPU);
  if (observers.save_checkpoint) need.host += CheckpointBytes(options, data);
  std::string what = absl::StrCat("trials = ", options.trials, " of ", options.neurons, " neurons");
  if (const std::int64_t settings = Combinations(options.grid); settings > 1) {
    what = absl::StrCat("grid of ", settings, " settings, ", options.trials, " trials each,");
  }
  if (data.features.is_cpu()) return CheckFits(what, need.device + need.host, host);
  if (auto status = CheckFits(what, need.device, data.features.device()); !status.ok()) return status;
  return CheckFits(what, need.host, host);
}

}  // namespace cvxnn::descent
