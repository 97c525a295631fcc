// SPDX-License-Identifier: Apache-2.0
// The solver that the options name, for one problem.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// For FISTA and ADMM: whether the solver's state fits, and for ADMM how: without the n×n kernel where that alone does
/// not. RESOURCE_EXHAUSTED with needed and available bytes.
absl::StatusOr<KernelSolve> ChooseKernel(const Program& program, const Options& options);

struct MadeSolver {
  std::unique_ptr<Solver> solver;
  bool without_kernel = false;               ///< as Solution::without_kernel
  const WorkingSetReport* report = nullptr;  ///< of the solver, if it is over working sets
};

/// `problem` is the half-sum problem of `program`; all must outlive the solver. Errors: as ChooseKernel, and CANCELLED.
absl::StatusOr<MadeSolver> MakeSolver(const HalfSumProblem& problem, const Program& program, const Options& options);

}  // namespace cvxnn::convex
