// SPDX-License-Identifier: Apache-2.0
// Check, then run; see solve.h.
#include "core/convex/solve.h"

#include "core/convex/check_solve.h"
#include "core/convex/solve_run.h"

namespace cvxnn::convex {

absl::StatusOr<Solution> Solve(const Program& program, const Evaluation& evaluation, const Options& options,
                               const ProgressCallback& callback) {
  if (const absl::Status status = CheckSolve(program, options); !status.ok()) return status;
  return SolveRun(program, evaluation, options, callback).Solve();
}

}  // namespace cvxnn::convex
