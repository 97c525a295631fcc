// SPDX-License-Identifier: Apache-2.0
// See solver_need.h.
#include "core/convex/solver_need.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "core/convex/dual_span.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/anderson.h"
#include "core/convex/solvers/fista.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/newton.h"
#include "core/convex/solvers/penalty_method.h"
#include "core/descent/optimizers/optimizer.h"

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
  const auto bytes_of = [&](double numbers) { return static_cast<double>(element) * numbers; };
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), m = static_cast<double>(blocks);
  // The best point, the nearest one, and the dual point of the bound with its multipliers.
  need.state_bytes = bytes_of(2 * d * m + n * static_cast<double>(outputs) + (cones ? n * m : 0));
  switch (solver) {
    case SolverKind::kFista:
      need.state_bytes += bytes_of((4 + kSpanPoints) * (d * m + n * static_cast<double>(outputs)));
      need.bytes += FistaBytes(rows, inputs, blocks, penalty->ProxCopies(), element);
      break;
    case SolverKind::kAdmm: {
      const auto bytes = [&](KernelSolve kernel) {
        return AdmmBytes(rows, inputs, blocks, penalty->ProxCopies(), kernel, kAndersonMemory, element);
      };
      need.bytes += bytes(KernelSolve::kConjugateGradients);
      // Points with their multipliers, and those of Anderson's method.
      const double point = m * (d + (cones ? n : 0)) + n * static_cast<double>(outputs);
      need.state_bytes += bytes_of((2 * kAndersonMemory + 6) * point);
      need.kernel_bytes = bytes(KernelSolve::kFactor) - bytes(KernelSolve::kConjugateGradients);
      break;
    }
    case SolverKind::kInteriorPoint:
      need.bytes += InteriorPointBytes(rows, inputs, program.patterns.count(), outputs, cones);
      need.state_bytes += bytes_of(m * (2 * d + 2 + (cones ? 2 * n : 0)));
      break;
    case SolverKind::kNewton:
      need.bytes += NewtonBytes(rows, inputs, blocks, element);
      need.state_bytes += bytes_of(2 * d * m);
      break;
    case SolverKind::kPenalty:
      need.bytes += PenaltyMethodBytes(rows, inputs, blocks, cones, penalty_settings.optimizer, element);
      need.state_bytes += bytes_of(
          m * ((2 + static_cast<double>(descent::StateMatrices(penalty_settings.optimizer))) * d + (cones ? n : 0)));
      break;
  }
  return need;
}

}  // namespace cvxnn::convex
