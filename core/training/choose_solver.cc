// SPDX-License-Identifier: Apache-2.0
// Sizes against limits; see choose_solver.h.
#include "core/training/choose_solver.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/convex/solvers/interior_point.h"
#include "core/training/convex_report.h"

namespace cvxnn::training {
namespace {

constexpr double kTightTolerance = 1e-6;
constexpr double kMostFlops = 2e10;
constexpr double kMostBytes = 2147483648.0;

bool IsSmallForInteriorPoint(const convex::Program& program) {
  const bool group =
      program.penalty == Penalty::kGroupL2 || (program.penalty == Penalty::kWeightDecay && !convex::IsNuclear(program));
  if (program.loss != Loss::kSquared || !group || program.blocks.defined()) return false;
  if (program.features.scalar_type() != at::kDouble) return false;
  const std::int64_t rows = program.features.size(0), inputs = std::min(rows, program.features.size(1));
  const std::int64_t patterns = program.patterns.count(), outputs = program.targets.size(1);
  const bool cones = program.activation == Activation::kRelu;
  return convex::InteriorPointFlops(rows, inputs, patterns, outputs, cones) <= kMostFlops &&
         convex::InteriorPointBytes(rows, inputs, patterns, outputs, cones) <= kMostBytes;
}

}  // namespace

ChosenSolver ChooseSolver(const Spec& spec, const ConvexTraining& convex, const convex::Program& program) {
  const convex::SolverKind kind = SolverOf(spec, convex);
  if (convex.solver != ConvexSolver::kAuto) return {kind, ""};
  const double tolerance = spec.stopping.tolerance;
  if (tolerance > 0 && tolerance <= kTightTolerance && IsSmallForInteriorPoint(program)) {
    return {convex::SolverKind::kInteriorPoint,
            absl::StrFormat("Solved by interior point, since a tolerance of %g is tight and the program small.",
                            tolerance)};
  }
  if (kind == convex::SolverKind::kFista) {
    return {kind, "Solved by FISTA, since the program has no constraints and its loss is smooth."};
  }
  return {kind, convex.activation == Activation::kRelu ? "Solved by ADMM, since ReLU programs have cone constraints."
                                                       : "Solved by ADMM, since the loss has a kink."};
}

}  // namespace cvxnn::training
