// SPDX-License-Identifier: Apache-2.0
// See memory.h.
#include "core/descent/memory.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/descent/engines/engine.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/torch/runtime.h"

namespace cvxnn::descent {

MemoryNeed EstimateMemory(const Options& options, const Data& data) {
  const auto element = static_cast<double>(data.features.element_size());
  const auto rows = static_cast<double>(data.features.size(0));
  const auto trials = static_cast<double>(options.trials);
  const double hidden = trials * static_cast<double>(options.neurons);
  const double first = hidden * static_cast<double>(data.features.size(1));
  const double weights = first + hidden * static_cast<double>(data.targets.size(1));
  const bool own_gates = options.activation == Activation::kGated && !options.gates.defined();

  MemoryNeed need;
  // Weights, gradient, snapshot of the last epoch, the result, and two temporaries of a step.
  const double copies = 6 + static_cast<double>(StateMatrices(options.optimizer));
  need.device = copies * weights * element + (options.activation == Activation::kGated ? first * element : 0);
  if (own_gates) need.device += first * element;
  const double workspace = options.workspace_bytes > 0 ? static_cast<double>(options.workspace_bytes) : 0x1p29;
  need.device += std::min(workspace, 3 * element * hidden * rows);

  // Random weights are drawn in float64 on the host.
  if (options.start.empty()) need.host += 8 * (weights + (own_gates ? first : 0));
  const auto step_rows = static_cast<double>(StepRows(options, data));
  if (step_rows < rows) need.host += 8 * trials * (rows + step_rows);
  return need;
}

absl::Status CheckMemoryFits(const Options& options, const Data& data) {
  const MemoryNeed need = EstimateMemory(options, data);
  const std::string what = absl::StrCat("trials = ", options.trials, " of ", options.neurons, " neurons");
  const c10::Device host(at::kCPU);
  if (data.features.is_cpu()) return CheckFits(what, need.device + need.host, host);
  if (auto status = CheckFits(what, need.device, data.features.device()); !status.ok()) return status;
  return CheckFits(what, need.host, host);
}

}  // namespace cvxnn::descent
