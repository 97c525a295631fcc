// SPDX-License-Identifier: Apache-2.0
// What both kinds of convex training, of one β and of a path, report alike.
#pragma once

#include "core/convex/solve.h"
#include "core/training/metrics.h"
#include "core/training/spec.h"

namespace cvxnn::training {

/// An epoch of a solve that began after `earlier_seconds` of training.
EpochMetrics ToMetrics(const convex::Progress& progress, double earlier_seconds);

/// What "verified" means: the tolerance asked for, or 1e-4 for a job that asked for all its epochs.
double VerifiedTolerance(const StoppingRule& stopping);

}  // namespace cvxnn::training
