// SPDX-License-Identifier: Apache-2.0
// One branch for each kind; see make_solver.h.
#include "core/convex/make_solver.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>

#include "core/convex/penalties/penalty_function.h"
#include "core/convex/solvers/admm.h"
#include "core/convex/solvers/fista.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/lipschitz.h"
#include "core/convex/solvers/newton.h"
#include "core/convex/solvers/penalty_method.h"
#include "core/convex/solvers/planar_interior_point.h"
#include "core/convex/solvers/working_set.h"

namespace cvxnn::convex {

absl::StatusOr<AdmmMeans> ChooseMeans(const Program& program, const Options& options) {
  const auto penalty = MakePenaltyFunction(program.penalty, program.targets.size(1));
  const at::Tensor& x = program.features;
  // Rank reduction leaves min(n, d) inputs.
  const std::int64_t inputs = penalty->RotationInvariant() ? std::min(x.size(0), x.size(1)) : x.size(1);
  const std::int64_t signs = program.activation == Activation::kGated ? 1 : 2;
  const std::int64_t blocks = signs * program.patterns.count() * program.targets.size(1);
  const int copies = penalty->ProxCopies();
  if (options.solver == SolverKind::kFista) {
    const absl::Status fits = CheckFistaMemory(x.size(0), inputs, blocks, copies, x);
    return fits.ok() ? absl::StatusOr<AdmmMeans>(AdmmMeans()) : fits;
  }
  absl::Status last;
  for (const KernelSolve kernel : {KernelSolve::kFactor, KernelSolve::kConjugateGradients}) {
    if (kernel == KernelSolve::kFactor && options.without_kernel) continue;
    for (const std::int64_t memory : {kAndersonMemory, std::int64_t{0}}) {
      last = CheckAdmmMemory(x.size(0), inputs, blocks, copies, kernel, memory, x);
      if (last.ok()) return AdmmMeans{kernel, memory};
    }
  }
  return last;
}

namespace {

std::unique_ptr<Solver> Make(const HalfSumProblem& problem, const Program& program, const Options& options,
                             const AdmmMeans& means) {
  const bool cones = program.activation == Activation::kRelu;
  switch (options.solver) {
    case SolverKind::kFista:
      return std::make_unique<Fista>(problem);
    case SolverKind::kInteriorPoint: {
      std::unique_ptr<Solver> planar = cones ? PlanarInteriorPoint::For(problem) : nullptr;
      return planar != nullptr ? std::move(planar) : std::make_unique<InteriorPoint>(problem, cones);
    }
    case SolverKind::kNewton:
      return std::make_unique<Newton>(problem);
    case SolverKind::kPenalty: {
      const double multiple = HalfSumMultiple(program.loss_scale, static_cast<double>(program.features.size(0)));
      return std::make_unique<PenaltyMethod>(problem, cones, options.penalty, multiple, program.loss_scale,
                                             options.seed);
    }
    case SolverKind::kAdmm:
      break;
  }
  return std::make_unique<Admm>(problem, cones, means.kernel, means.memory);
}

}  // namespace

absl::StatusOr<MadeSolver> MakeSolver(const HalfSumProblem& problem, const Program& program, const Options& options) {
  MadeSolver made;
  AdmmMeans means;
  if (options.solver == SolverKind::kAdmm) {
    const auto chosen = ChooseMeans(program, options);
    if (!chosen.ok()) return chosen.status();
    means = *chosen;
    made.without_kernel = means.kernel == KernelSolve::kConjugateGradients;
  }
  if (!options.working_set) {
    made.solver = Make(problem, program, options, means);
    return made;
  }
  HalfSumProblem whole = problem;
  const bool begins_anew = options.solver == SolverKind::kInteriorPoint;
  if (options.solver != SolverKind::kAdmm && !begins_anew) {
    // That of all patterns does for every set.
    const auto largest = LargestEigenvalue(problem.map, problem.should_stop);
    if (!largest.ok()) return largest.status();
    whole.largest_eigenvalue = *largest;
  }
  auto solver = std::make_unique<WorkingSetSolver>(
      whole, WorkingSetProgram{program.penalty, program.activation == Activation::kRelu, program.blocks},
      [&program, &options, means](const HalfSumProblem& part) { return Make(part, program, options, means); },
      begins_anew);
  made.report = &solver->report();
  made.solver = std::move(solver);
  return made;
}

}  // namespace cvxnn::convex
