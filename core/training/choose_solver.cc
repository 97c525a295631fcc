// SPDX-License-Identifier: Apache-2.0
// Sizes against limits; see choose_solver.h.
#include "core/training/choose_solver.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/convex/screening.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/newton.h"
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

// Passes over data that many have to be long before a factor pays, and a factor may cost so many epochs of FISTA, which
// often takes hundreds where ADMM takes ten.
constexpr double kLeastEpochFlops = 1e9;
constexpr double kMostEpochs = 100;

bool PaysForKernel(const convex::Program& program) {
  if (program.loss != Loss::kSquared) return false;
  const at::Tensor& x = program.features;
  const std::int64_t inputs = std::min(x.size(0), x.size(1));
  const std::int64_t blocks = program.patterns.count() * program.targets.size(1);
  const auto n = static_cast<double>(x.size(0)), d = static_cast<double>(inputs), m = static_cast<double>(blocks);
  const double epoch = 4 * n * d * m, factor = n * n * d + n * n * n / 3;
  // Penalties whose prox takes copies of the weights take them in FISTA too.
  return epoch >= kLeastEpochFlops && factor <= kMostEpochs * epoch &&
         convex::CheckAdmmMemory(x.size(0), inputs, blocks, 1, convex::KernelSolve::kFactor, 0, x).ok();
}

// Below it a whole solve by FISTA takes milliseconds.
constexpr double kLeastFlops = 1e7;
// Measured up to 5,000; a factor takes n³/3.
constexpr std::int64_t kMostNewtonRows = 6000;
constexpr std::int64_t kLeastPatterns = 32;

// Flops of an epoch of FISTA.
double EpochFlops(const convex::Program& program) {
  const at::Tensor& x = program.features;
  return 4.0 * static_cast<double>(x.size(0)) * static_cast<double>(std::min(x.size(0), x.size(1))) *
         static_cast<double>(program.patterns.count() * program.targets.size(1));
}

bool PaysForNewton(const convex::Program& program) {
  const at::Tensor& x = program.features;
  const std::int64_t outputs = program.targets.size(1), blocks = program.patterns.count() * outputs;
  const bool group = program.penalty == Penalty::kGroupL2 || (program.penalty == Penalty::kWeightDecay && outputs == 1);
  return program.loss == Loss::kSquared && group && x.size(0) <= kMostNewtonRows &&
         EpochFlops(program) >= kLeastFlops &&
         convex::CheckNewtonMemory(x.size(0), std::min(x.size(0), x.size(1)), blocks, x).ok();
}

ChosenSolver Choose(const Spec& spec, const ConvexTraining& convex, const convex::Program& program) {
  const convex::SolverKind kind = SolverOf(spec, convex);
  if (convex.solver != ConvexSolver::kAuto) return {kind, ""};
  const double tolerance = spec.stopping.tolerance;
  if (kind == convex::SolverKind::kFista && PaysForNewton(program)) {
    return {
        convex::SolverKind::kNewton,
        "Solved by Newton's method on the dual, since the program has no constraints, its loss is squared and its n×n "
        "matrix fits."};
  }
  if (tolerance > 0 && tolerance <= kTightTolerance && convex.working_set != WorkingSet::kOn &&
      IsSmallForInteriorPoint(program)) {
    return {convex::SolverKind::kInteriorPoint,
            absl::StrFormat("Solved by interior point, since a tolerance of %g is tight and the program small.",
                            tolerance)};
  }
  if (kind == convex::SolverKind::kFista) {
    if (PaysForKernel(program)) {
      return {convex::SolverKind::kAdmm,
              "Solved by ADMM, since passes over the data are long and its n×n matrix costs less than many of them."};
    }
    return {kind, "Solved by FISTA, since the program has no constraints and its loss is smooth."};
  }
  return {kind, convex.activation == Activation::kRelu ? "Solved by ADMM, since ReLU programs have cone constraints."
                                                       : "Solved by ADMM, since the loss has a kink."};
}

}  // namespace

ChosenSolver ChooseSolver(const Spec& spec, const ConvexTraining& convex, const convex::Program& program) {
  ChosenSolver chosen = Choose(spec, convex, program);
  const bool pays = chosen.kind == convex::SolverKind::kFista && convex::HasBlocks(program.penalty) &&
                    program.activation == Activation::kGated && program.patterns.count() >= kLeastPatterns &&
                    EpochFlops(program) >= kLeastFlops;
  chosen.working_set = convex.working_set == WorkingSet::kOn || (convex.working_set == WorkingSet::kAuto && pays);
  return chosen;
}

}  // namespace cvxnn::training
