// SPDX-License-Identifier: Apache-2.0
// See solver_need.h.
#include "core/convex/solver_need.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "core/convex/penalties/penalty_function.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/anderson.h"
#include "core/convex/solvers/fista.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/newton.h"
#include "core/convex/solvers/penalty_method.h"

namespace cvxnn::convex {

SolverNeed EstimateSolver(const Program& program, SolverKind solver, const PenaltySettings& penalty_settings) {
  const std::int64_t rows = program.features.size(0), columns = program.features.size(1);
  const std::int64_t outputs = program.targets.size(1);
  const auto element = static_cast<std::int64_t>(program.features.element_size());
  const bool cones = program.activation == Activation::kRelu;
  const auto penalty = MakePenaltyFunction(program.penalty, outputs);
  const bool reduces = solver == SolverKind::kInteriorPoint || penalty->RotationInvariant();
  const std::int64_t inputs = reduces ? std::min(rows, columns) : columns;
  SolverNeed need;
  // Rank reduction of wide data: X in the basis of its rows, n×n, and the basis, d×n.
  if (inputs < columns) {
    need.bytes = static_cast<double>(element) * static_cast<double>(rows) * static_cast<double>(rows + columns);
  }
  const std::int64_t blocks = (cones ? 2 : 1) * program.patterns.count() * outputs;
  switch (solver) {
    case SolverKind::kFista:
      need.bytes += FistaBytes(rows, inputs, blocks, penalty->ProxCopies(), element);
      break;
    case SolverKind::kAdmm: {
      const auto bytes = [&](KernelSolve kernel) {
        return AdmmBytes(rows, inputs, blocks, penalty->ProxCopies(), kernel, kAndersonMemory, element);
      };
      need.bytes += bytes(KernelSolve::kConjugateGradients);
      need.kernel_bytes = bytes(KernelSolve::kFactor) - bytes(KernelSolve::kConjugateGradients);
      break;
    }
    case SolverKind::kInteriorPoint:
      need.bytes += InteriorPointBytes(rows, inputs, program.patterns.count(), outputs, cones);
      break;
    case SolverKind::kNewton:
      need.bytes += NewtonBytes(rows, inputs, blocks, element);
      break;
    case SolverKind::kPenalty:
      need.bytes += PenaltyMethodBytes(rows, inputs, blocks, cones, penalty_settings.optimizer, element);
      break;
  }
  return need;
}

}  // namespace cvxnn::convex
