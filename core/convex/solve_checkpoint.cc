// SPDX-License-Identifier: Apache-2.0
// A solve as a checkpoint, and back; see Options::resume_from.
#include <ATen/core/Tensor.h>

#include <utility>

#include "core/convex/solve_run.h"
#include "core/convex/solve_state.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {

void SolveRun::SaveWhenDue(const Solver& solver) {
  if (!options_.checkpoint_due || !options_.save_state || !solver.resumable() || !options_.checkpoint_due()) return;
  descent::State state;
  state["epochs"] = solution_.epochs;
  state["next_certificate"] = next_certificate_;
  state["has_best"] = std::int64_t{has_best_};
  state["seconds"] = Seconds();
  state["best/weights"] = best_.weights;
  SaveProgress("best/", solution_.progress, &state);
  SaveMatrix("nearest/weights", nearest_.iterate.weights, &state);
  SaveProgress("nearest/", nearest_.progress, &state);
  bound_->Save("bound/", &state);
  stall_.Save("stall/", &state);
  solver.Save("solver/", &state);
  options_.save_state(std::move(state));
}

absl::Status SolveRun::Load(Solver* solver) {
  descent::StateReader reader(*options_.resume_from, "");
  solution_.epochs = reader.Integer("epochs");
  next_certificate_ = reader.Integer("next_certificate");
  has_best_ = reader.Integer("has_best") != 0;
  earlier_seconds_ = reader.Number("seconds");
  best_ = {reader.TensorLike("best/weights", best_.weights), {}, {}, {}};
  solution_.progress = LoadProgress("best/", &reader);
  nearest_ = {{LoadMatrix("nearest/weights", best_.weights.options(), &reader), {}, {}, {}},
              LoadProgress("nearest/", &reader)};
  descent::StateReader bound = reader.Below("bound/"), entries = reader.Below("solver/");
  // Matrices of sizes that do not fit each other end as LibTorch's exceptions.
  const absl::Status loaded = GuardTorch("the checkpoint is damaged", [&] {
    bound_->Load(&bound);
    stall_.Load("stall/", &reader);
    return solver->Load(&entries);
  });
  if (absl::IsInternal(loaded)) return absl::DataLossError(loaded.message());
  if (!loaded.ok()) return loaded;
  for (const descent::StateReader* each : {&reader, &bound, &entries}) {
    if (!each->status().ok()) return each->status();
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::convex
