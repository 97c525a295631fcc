// SPDX-License-Identifier: Apache-2.0
// What a solver will hold for a program, from sizes alone.
#pragma once

#include "core/convex/solve.h"

namespace cvxnn::convex {

/// Unit: bytes, beside the program and the blocks of products.
struct SolverNeed {
  double bytes = 0;
  double kernel_bytes = 0;  ///< ADMM: more, with the n×n kernel and its factor, where they fit
  double state_bytes = 0;   ///< on the host: of a checkpoint, what the solver saves with the best point and the bound
};

/// Only the sizes and dtypes of the program's tensors are read: they may be on the device "meta".
/// `penalty_settings` matter to SolverKind::kPenalty alone.
SolverNeed EstimateSolver(const Program& program, SolverKind solver, const PenaltySettings& penalty_settings);

}  // namespace cvxnn::convex
