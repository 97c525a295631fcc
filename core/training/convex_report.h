// SPDX-License-Identifier: Apache-2.0
// What both kinds of convex training, of one β and of a path, report alike.
#pragma once

#include <string>

#include "core/convex/solve.h"
#include "core/training/metrics.h"
#include "core/training/spec.h"

namespace cvxnn::training {

/// An epoch of a solve that began after `earlier_seconds` of training.
EpochMetrics ToMetrics(const convex::Progress& progress, double earlier_seconds);

/// What "verified" means: the tolerance asked for, or 1e-4 for a job that asked for all its epochs.
double VerifiedTolerance(const StoppingRule& stopping);

/// FISTA for gated but for the hinge loss, else ADMM, where the spec leaves it open; see ChooseSolver for one program.
convex::SolverKind SolverOf(const Spec& spec, const ConvexTraining& convex);

/// "fista", "admm", "interior_point", "penalty" or "newton".
std::string Name(convex::SolverKind solver);

/// Whether the program is only a relaxation of what networks minimise, so that its optimum is never theirs for certain:
/// weight decay of several outputs has no closed form with cones, and the nuclear norm is below it.
bool IsRelaxation(const convex::Program& program);

}  // namespace cvxnn::training
