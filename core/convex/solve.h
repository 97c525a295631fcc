// SPDX-License-Identifier: Apache-2.0
// Solving a convex program: options in, a callback per epoch, a solution with its certificate out. The solvers
// themselves live in solvers/, one file each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/convex/program.h"
#include "core/convex/solvers/penalty_settings.h"
#include "core/convex/solvers/solver.h"
#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

enum class SolverKind {
  kFista,  ///< gated programs of smooth losses; solvers/fista.h
  kAdmm,   ///< every program; solvers/admm.h
  /// Squared loss, group-ℓ2 penalty (or weight decay of one output), float64; solvers/interior_point.h.
  kInteriorPoint,
  kPenalty,  ///< every program, its cones for a price; solvers/penalty_method.h
  /// Gated programs of the squared loss, group-ℓ2 penalty (or weight decay of one output); solvers/newton.h.
  kNewton,
};

/// Where a solve begins: any weights on the original columns, best those of a program much like this one.
struct Start {
  at::Tensor positive;  ///< v, d×(P·c)
  at::Tensor negative;  ///< w, the same shape; undefined for gated programs
  SolverState state;    ///< of the solve that gave the weights, if any; ADMM then goes on where that ended
};

struct Options {
  SolverKind solver = SolverKind::kFista;
  std::int64_t max_epochs = 1000;  ///< >= 1
  double max_seconds = 0;          ///< > 0, or 0 for no limit; set-up included
  /// Converged when |gap| and the constraint violation are both at most this; in [0, 1). With 0 the other rules end the
  /// solve, kStalled among them.
  double tolerance = 1e-4;
  PenaltySettings penalty;  ///< of SolverKind::kPenalty
  std::uint64_t seed = 0;   ///< likewise: of the order of the rows
  /// ADMM: solve with the n×n kernel by conjugate gradients, as is done where its factor does not fit in memory.
  bool without_kernel = false;
  /// All but the penalty method, on programs whose penalty HasBlocks (ReLU: and is not IsNuclear): over working sets of
  /// blocks, see solvers/working_set.h.
  bool working_set = false;
  std::function<bool()> should_stop;  ///< polled between epochs and stages of set-up, as max_seconds is; may be empty
  /// Asked after each epoch that others follow, when it was reported, and when should_stop or the time limit ends the
  /// solve there. true: save_state is given the state.
  std::function<bool()> checkpoint_due = {};
  std::function<void(descent::State)> save_state = {};
  /// What save_state was given of an earlier attempt at this very solve (same program, options, start, build and
  /// device, which callers see to): it goes on there, bit for bit, seconds included. Null for none; must outlive the
  /// call.
  const descent::State* resume_from = nullptr;
  /// Absent: zero weights. The solution is never worse than the start: of no higher objective than one that is
  /// feasible.
  std::optional<Start> start = {};
};

/// State of the solve after one epoch. Values are at the program's loss scale.
struct Progress {
  std::int64_t epoch = 0;  ///< 1-based; 0 only for a program whose answer is zero and needs no solver
  double seconds = 0;      ///< since Solve was called
  double objective = 0;
  double loss = 0;
  double penalty = 0;
  /// Best lower bound on this program's optimum so far. float32 data: an estimate during the solve, since rounding may
  /// have raised it; before kConverged and in the solution it is computed again in float64 and certain.
  /// Losses are never below 0, which is all that is known without a penalty unless the loss is squared.
  double lower_bound = 0;
  double gap = 0;  ///< (objective − lower_bound) / |objective|; 0 where both are 0
  /// ReLU: max over rows and blocks of (−(2D_p − I) X v_p)₊, divided by the larger of max |X v_p| and max |Y|.
  std::optional<double> constraint_violation;
  double network_objective = 0;  ///< of the reconstructed network; the objective itself for gated programs
  std::optional<double> train_accuracy;
  std::optional<double> test_accuracy;
  std::optional<double> test_loss;
  std::int64_t active_neurons = 0;  ///< blocks (pattern, output and sign) that are not zero
  /// 1/L of FISTA, ρ₁ of ADMM, the share of Newton's step (kInteriorPoint, kNewton), the learning rate of the penalty
  /// method; 0 when no solver ran.
  double step_size = 0;
};

enum class StopReason {
  kConverged,    ///< gap and violation within the tolerance
  kZeroIsExact,  ///< β >= β_max: zero is the optimum, known without a solver
  kEpochLimit,
  kTimeLimit,  ///< max_seconds used up, possibly during set-up
  kStopped,    ///< the callback or should_stop asked for it
  kStalled,    ///< rounding hides further progress at this precision, or made an epoch after the first fail
};

/// Called after every epoch; false ends the solve with kStopped.
using ProgressCallback = std::function<bool(const Progress&)>;

/// What became of the patterns of a solve over working sets; zeros for others.
struct WorkingSetReport {
  std::int64_t patterns = 0;  ///< in the largest set
  std::int64_t screened = 0;  ///< proved to be zero at every optimum
  std::int64_t rounds = 0;    ///< passes over all patterns
};

/// The best iterate met, the start included: least objective for gated, least max(|gap|, violation) for ReLU.
struct Solution {
  at::Tensor positive;  ///< v, d×(P·c): column p·c + k is v_pk
  at::Tensor negative;  ///< w, the same shape; undefined for gated programs
  SolverState state;    ///< for Start, of the last iterate
  Progress progress;    ///< of the best iterate, with the last lower bound; epoch says when it was met, 0 for the start
  StopReason reason = StopReason::kEpochLimit;
  std::string trouble;          ///< kStalled because numbers failed after the first epoch: what failed; else empty
  std::int64_t epochs = 0;      ///< done in all
  bool without_kernel = false;  ///< ADMM went without the n×n kernel; see Options::without_kernel
  WorkingSetReport working_set;
  double beta = 0;  ///< β used; 0 when the solve ended before β_max was known
  /// See Program::beta_max_fraction; 0 likewise, when there are no patterns, and for penalties that have none.
  double beta_max = 0;
};

/// Where to begin a program much like the one that gave this solution.
inline Start StartAt(const Solution& solution) { return {solution.positive, solution.negative, solution.state}; }

/// Solves the program. Errors: INVALID_ARGUMENT for shapes, a start that is not finite, β or a solver that does
/// not fit the activation;
/// RESOURCE_EXHAUSTED with needed and available bytes when the solver's state cannot fit, before any work;
/// FAILED_PRECONDITION when β is a share of a β_max that is 0; DATA_LOSS for a state that is not one of this program;
/// INTERNAL when numbers fail in set-up or in the first
/// epoch. LibTorch's exceptions pass through: callers guard (core/torch/runtime.h).
absl::StatusOr<Solution> Solve(const Program& program, const Evaluation& evaluation, const Options& options,
                               const ProgressCallback& callback = {});

}  // namespace cvxnn::convex
