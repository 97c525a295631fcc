// SPDX-License-Identifier: Apache-2.0
// What a solve refuses before any work: shapes, β, starts, blocks, and solvers that are not built for the program or
// whose state cannot fit.
#pragma once

#include "absl/status/status.h"
#include "core/convex/program.h"
#include "core/convex/solve.h"

namespace cvxnn::convex {

/// INVALID_ARGUMENT or RESOURCE_EXHAUSTED as Solve says.
absl::Status CheckSolve(const Program& program, const Options& options);

}  // namespace cvxnn::convex
