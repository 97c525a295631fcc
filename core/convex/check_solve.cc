// SPDX-License-Identifier: Apache-2.0
// One message for each field; see check_solve.h.
#include "core/convex/check_solve.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/convex/dual_loss.h"
#include "core/convex/make_solver.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/convex/screening.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/newton.h"
#include "core/convex/solvers/penalty_method.h"
#include "core/descent/ranges.h"

namespace cvxnn::convex {
namespace {

// Blocks that are left out are for ReLU programs, and for solvers that shrink weights by the penalty's prox or follow
// its subgradients.
absl::Status CheckBlocks(const Program& program, const Options& options) {
  if (!program.blocks.defined()) return absl::OkStatus();
  const std::int64_t columns = 2 * program.patterns.count() * program.targets.size(1);
  if (program.activation == Activation::kGated) {
    return absl::InvalidArgumentError("blocks: must be absent for gated programs");
  }
  if (program.blocks.dim() != 1 || program.blocks.size(0) != columns) {
    return absl::InvalidArgumentError(absl::StrCat("blocks: must be ", columns, ", one for each v and w"));
  }
  if (options.solver != SolverKind::kInteriorPoint) return absl::OkStatus();
  return absl::InvalidArgumentError("solver = interior_point: must be another where blocks are left out");
}

absl::Status CheckTensor(const char* name, const at::Tensor& tensor, std::int64_t rows, std::int64_t columns) {
  if (!tensor.defined() || tensor.dim() != 2 || tensor.size(0) != rows || tensor.size(1) != columns) {
    std::string size = tensor.defined() ? absl::StrCat("of size ", absl::StrJoin(tensor.sizes(), "×")) : "absent";
    return absl::InvalidArgumentError(absl::StrCat("start.", name, " is ", size, ": must be ", rows, "×", columns));
  }
  if (tensor.isfinite().all().item<bool>()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("start.", name, ": must be finite"));
}

absl::Status CheckStart(const Program& program, const Start& start) {
  const std::int64_t inputs = program.features.size(1), blocks = program.patterns.count() * program.targets.size(1);
  if (auto status = CheckTensor("positive", start.positive, inputs, blocks); !status.ok()) return status;
  if (program.activation == Activation::kGated) {
    if (!start.negative.defined()) return absl::OkStatus();
    return absl::InvalidArgumentError("start.negative: must be absent for gated programs");
  }
  if (auto status = CheckTensor("negative", start.negative, inputs, blocks); !status.ok()) return status;
  if (!start.state.multipliers.defined()) return absl::OkStatus();
  return CheckTensor("state.multipliers", start.state.multipliers, program.features.size(0), 2 * blocks);
}

absl::Status CheckBeta(const Program& program) {
  if (program.penalty == Penalty::kNone) {
    if (program.beta == 0 && !program.beta_max_fraction.has_value()) return absl::OkStatus();
    return absl::InvalidArgumentError("beta: must be 0, and beta_max_fraction absent, without a penalty");
  }
  if (const auto& share = program.beta_max_fraction; share.has_value()) {
    if (!HasBetaMax(program.penalty)) {
      return absl::InvalidArgumentError(absl::StrCat("beta_max_fraction = ", *share, ": must be absent for ",
                                                     Name(program.penalty),
                                                     ", under which no beta makes zero optimal"));
    }
    if (*share > 0 && *share <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("beta_max_fraction = ", *share, ": must be in (0, 1]"));
  }
  if (program.beta > 0 && std::isfinite(program.beta)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("beta = ", program.beta, ": must be > 0 and finite"));
}

absl::Status CheckPenaltySettings(const PenaltySettings& settings) {
  if (!(settings.rho > 0) || !std::isfinite(settings.rho)) {
    return absl::InvalidArgumentError(absl::StrCat("penalty.rho = ", settings.rho, ": must be > 0 and finite"));
  }
  return descent::CheckRanges(AsMethod(settings), "penalty.");
}

}  // namespace

absl::Status CheckSolve(const Program& program, const Options& options) {
  const auto& x = program.features;
  const auto& y = program.targets;
  if (x.dim() != 2 || y.dim() != 2 || x.size(0) != y.size(0) || x.size(0) < 1 || y.size(1) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("targets: must be a matrix with one row for each of the features' rows"));
  }
  if (program.patterns.mask.dim() != 2 || program.patterns.rows() != x.size(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("patterns: must have ", x.size(0), " rows, one for each of the data's"));
  }
  if (const absl::Status status = CheckBeta(program); !status.ok()) return status;
  if (const absl::Status status = CheckBlocks(program, options); !status.ok()) return status;
  const bool gated = program.activation == Activation::kGated;
  const bool group =
      program.penalty == Penalty::kGroupL2 || (program.penalty == Penalty::kWeightDecay && y.size(1) == 1);
  if (options.solver == SolverKind::kInteriorPoint) {
    if (program.loss != Loss::kSquared || !group || x.scalar_type() != at::kDouble) {
      return absl::InvalidArgumentError(
          "solver = interior_point: must be for the squared loss and the group_l2 penalty in float64");
    }
  }
  if (options.solver == SolverKind::kNewton) {
    if (program.loss != Loss::kSquared || !group || !gated) {
      return absl::InvalidArgumentError(
          "solver = newton: must be for gated programs of the squared loss and the group_l2 penalty");
    }
  }
  if (options.working_set) {
    const bool blocks = gated ? HasBlocks(program.penalty) : HasBlocks(program.penalty) && !IsNuclear(program);
    if (!blocks || options.solver == SolverKind::kPenalty) {
      return absl::InvalidArgumentError(
          "working_set: must be off but for programs of the group_l2 or weight_decay penalty (ReLU: of one output), by "
          "fista, admm, newton or interior_point");
    }
  }
  if (options.solver == SolverKind::kFista) {
    if (!gated) return absl::InvalidArgumentError("solver = fista: must be admm for ReLU programs");
    if (!std::isfinite(DualOf(program.loss)->Curvature())) {
      return absl::InvalidArgumentError(
          absl::StrCat("solver = fista: must be admm for the ", Name(program.loss), " loss, which has a kink"));
    }
  }
  if (options.start.has_value()) {
    if (auto status = CheckStart(program, *options.start); !status.ok()) return status;
  }
  if (options.solver == SolverKind::kInteriorPoint) {
    // Rank reduction leaves min(n, d) inputs.
    return CheckInteriorPointMemory(x.size(0), std::min(x.size(0), x.size(1)), program.patterns.count(), y.size(1),
                                    !gated, x);
  }
  if (options.solver == SolverKind::kNewton) {
    return CheckNewtonMemory(x.size(0), std::min(x.size(0), x.size(1)), program.patterns.count() * y.size(1), x);
  }
  if (options.solver == SolverKind::kPenalty) {
    if (auto status = CheckPenaltySettings(options.penalty); !status.ok()) return status;
    const bool rotates = MakePenaltyFunction(program.penalty, y.size(1))->RotationInvariant();
    const std::int64_t inputs = rotates ? std::min(x.size(0), x.size(1)) : x.size(1);
    return CheckPenaltyMethodMemory(x.size(0), inputs, (gated ? 1 : 2) * program.patterns.count() * y.size(1), !gated,
                                    options.penalty.optimizer, x);
  }
  return ChooseMeans(program, options).status();
}

}  // namespace cvxnn::convex
