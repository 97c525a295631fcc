// SPDX-License-Identifier: Apache-2.0
// A run: checks first, then the batches of the grid one after the other.
#include "core/descent/descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/descent/batch_descent.h"
#include "core/descent/grid.h"
#include "core/descent/memory.h"
#include "core/descent/run_control.h"
#include "core/torch/runtime.h"

namespace cvxnn::descent {
namespace {

/// Why the whole run ended: what stopped a batch stops the run; else the least final of the batches' endings.
Ending Together(Ending before, Ending now) {
  for (const Ending ending :
       {Ending::kStopped, Ending::kTimeLimit, Ending::kEpochLimit, Ending::kStalled, Ending::kConverged}) {
    if (before == ending || now == ending) return ending;
  }
  return Ending::kDiverged;
}

absl::StatusOr<Result> Descend(const Options& options, const Data& data, const Observers& observers) {
  RunControl control(observers, options.max_seconds);
  Result all;
  for (std::int64_t index = 0; index < BatchCount(options.grid); ++index) {
    if (index > 0) {
      if (const auto interrupted = control.Interrupted()) {
        all.ending = *interrupted;
        break;
      }
    }
    auto result = DescendBatch(BatchAt(options, data, index), control);
    if (!result.ok()) return result.status();
    all.ending = index == 0 ? result->ending : Together(all.ending, result->ending);
    all.epochs += result->epochs;
    std::move(result->trials.begin(), result->trials.end(), std::back_inserter(all.trials));
    if (all.ending == Ending::kStopped || all.ending == Ending::kTimeLimit) break;
  }
  return all;
}

}  // namespace

absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers) {
  absl::StatusOr<Result> result = absl::InternalError("gradient descent did not run");
  const absl::Status status = GuardTorch("gradient descent", [&]() -> absl::Status {
    if (auto invalid = Validate(options, data); !invalid.ok()) return invalid;
    if (auto memory = CheckMemoryFits(options, data); !memory.ok()) return memory;
    const at::NoGradGuard no_gradients;
    result = Descend(options, data, observers);
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace cvxnn::descent
