// SPDX-License-Identifier: Apache-2.0
// A solve that is interrupted and goes on from its checkpoint.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/convex/solve.h"
#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

/// The answer of a solve that begins at the checkpoint after epoch `at` of another.
inline absl::StatusOr<Solution> SolveInTwoParts(const Program& program, const Options& options, std::int64_t at) {
  Options interrupted = options;
  std::string saved;  // made at once: a solver may change its tensors in place
  std::int64_t epoch = 0;
  interrupted.checkpoint_due = [&] { return epoch == at; };
  interrupted.save_state = [&](descent::State state) { saved = descent::ToBytes(state); };
  const auto first = Solve(program, {}, interrupted, [&](const Progress& progress) {
    epoch = progress.epoch;
    return true;
  });
  if (!first.ok()) return first.status();
  const auto state = descent::FromBytes(saved);
  if (!state.ok()) return state.status();
  Options resumed = options;
  resumed.resume_from = &*state;
  return Solve(program, {}, resumed);
}

}  // namespace cvxnn::convex
