// SPDX-License-Identifier: Apache-2.0
// The solver that the options name, for one problem.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/anderson.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// How ADMM is to go: without the n×n kernel, or without Anderson's method, where those alone do not fit.
struct AdmmMeans {
  KernelSolve kernel = KernelSolve::kFactor;
  std::int64_t memory = kAndersonMemory;
};

/// For FISTA and ADMM: whether the solver's state fits, and for ADMM how. RESOURCE_EXHAUSTED with needed and available
/// bytes.
absl::StatusOr<AdmmMeans> ChooseMeans(const Program& program, const Options& options);

struct MadeSolver {
  std::unique_ptr<Solver> solver;
  bool without_kernel = false;               ///< as Solution::without_kernel
  const WorkingSetReport* report = nullptr;  ///< of the solver, if it is over working sets
};

/// `problem` is the half-sum problem of `program`; all must outlive the solver. Errors: as ChooseMeans, and CANCELLED.
absl::StatusOr<MadeSolver> MakeSolver(const HalfSumProblem& problem, const Program& program, const Options& options);

}  // namespace cvxnn::convex
