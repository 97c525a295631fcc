// SPDX-License-Identifier: Apache-2.0
// Which solver a convex program is given to when the spec leaves it open, and why.
#pragma once

#include <string>

#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/training/spec.h"

namespace cvxnn::training {

struct ChosenSolver {
  convex::SolverKind kind = convex::SolverKind::kFista;
  std::string reason;  ///< a sentence; empty when the spec names the solver
  /// Over working sets (convex::Options::working_set).
  bool working_set = false;
};

/// The solver that the spec names; else, for gated programs of the squared loss and the group-ℓ2 penalty whose passes
/// over the data are not too short to matter (10⁷ flops an epoch of FISTA), Newton's method for up to 6,000 rows; else
/// the interior point method where it is built for the program, the tolerance is tight (above 0, at most 1e-6), an
/// epoch takes at most 2·10¹⁰ flops and the whole at most 2 GiB; else ADMM for gated programs of the squared loss whose
/// passes over the data take 10⁹ flops or more, where its n×n matrix fits and costs at most 100 epochs of FISTA; else
/// that of SolverOf. Working sets where the spec wants them; where it leaves them open, for FISTA over 32 patterns or
/// more whose passes are not too short, under penalties that have blocks.
ChosenSolver ChooseSolver(const Spec& spec, const ConvexTraining& convex, const convex::Program& program);

}  // namespace cvxnn::training
