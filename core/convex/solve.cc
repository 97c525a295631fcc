// SPDX-License-Identifier: Apache-2.0
// The loop that every solver runs in: reduce, set up, then step, measure, report and decide until a rule ends it.
#include "core/convex/solve.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/convex/certificate.h"
#include "core/convex/dual_loss.h"
#include "core/convex/evaluate.h"
#include "core/convex/least_squares_bound.h"
#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/convex/rank_reduction.h"
#include "core/convex/solve_state.h"
#include "core/convex/solvers/admm.h"
#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/fista.h"
#include "core/convex/solvers/interior_point.h"
#include "core/convex/solvers/penalty_method.h"
#include "core/descent/ranges.h"
#include "core/network/loss_function.h"

namespace cvxnn::convex {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Without a unit: scaling Y and β leaves it as it is. The floor is for 0/0 alone.
double RelativeGap(double objective, double lower_bound) {
  return (objective - lower_bound) / std::max(std::abs(objective), std::numeric_limits<double>::min());
}

double LossMultiple(const Program& program) {
  return HalfSumMultiple(program.loss_scale, static_cast<double>(program.features.size(0)));
}

std::unique_ptr<const PenaltyFunction> PenaltyOf(const Program& program) {
  auto penalty = MakePenaltyFunction(program.penalty, program.targets.size(1));
  return program.blocks.defined() ? MakeConfined(std::move(penalty), program.blocks) : std::move(penalty);
}

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

// Whether the solver's state fits, and for ADMM how: without the n×n kernel where that alone does not.
absl::StatusOr<KernelSolve> ChooseKernel(const Program& program, const Options& options) {
  const auto penalty = MakePenaltyFunction(program.penalty, program.targets.size(1));
  const at::Tensor& x = program.features;
  // Rank reduction leaves min(n, d) inputs.
  const std::int64_t inputs = penalty->RotationInvariant() ? std::min(x.size(0), x.size(1)) : x.size(1);
  const std::int64_t signs = program.activation == Activation::kGated ? 1 : 2;
  const std::int64_t blocks = signs * program.patterns.count() * program.targets.size(1);
  const int copies = penalty->ProxCopies();
  if (options.solver == SolverKind::kFista) {
    const absl::Status fits = CheckFistaMemory(x.size(0), inputs, blocks, copies, x);
    return fits.ok() ? absl::StatusOr<KernelSolve>(KernelSolve::kFactor) : fits;
  }
  const absl::Status fits = CheckAdmmMemory(x.size(0), inputs, blocks, copies, KernelSolve::kFactor, x);
  if (fits.ok() && !options.without_kernel) return KernelSolve::kFactor;
  const absl::Status fits_without =
      CheckAdmmMemory(x.size(0), inputs, blocks, copies, KernelSolve::kConjugateGradients, x);
  return fits_without.ok() ? absl::StatusOr<KernelSolve>(KernelSolve::kConjugateGradients) : fits_without;
}

absl::Status CheckPenaltySettings(const PenaltySettings& settings) {
  if (!(settings.rho > 0) || !std::isfinite(settings.rho)) {
    return absl::InvalidArgumentError(absl::StrCat("penalty.rho = ", settings.rho, ": must be > 0 and finite"));
  }
  return descent::CheckRanges(AsMethod(settings), "penalty.");
}

absl::Status Check(const Program& program, const Options& options) {
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
  if (options.solver == SolverKind::kInteriorPoint) {
    const bool group =
        program.penalty == Penalty::kGroupL2 || (program.penalty == Penalty::kWeightDecay && y.size(1) == 1);
    if (program.loss != Loss::kSquared || !group || x.scalar_type() != at::kDouble) {
      return absl::InvalidArgumentError(
          "solver = interior_point: must be for the squared loss and the group_l2 penalty in float64");
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
  if (options.solver == SolverKind::kPenalty) {
    if (auto status = CheckPenaltySettings(options.penalty); !status.ok()) return status;
    const bool rotates = MakePenaltyFunction(program.penalty, y.size(1))->RotationInvariant();
    const std::int64_t inputs = rotates ? std::min(x.size(0), x.size(1)) : x.size(1);
    return CheckPenaltyMethodMemory(x.size(0), inputs, (gated ? 1 : 2) * program.patterns.count() * y.size(1), !gated,
                                    options.penalty.optimizer, x);
  }
  return ChooseKernel(program, options).status();
}

double Epsilon(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

// Watches for a solve that rounding has brought to a standstill: over `kWindow` epochs neither objective nor bound
// moved by more than a few units in the last place.
class StallDetector {
 public:
  explicit StallDetector(double epsilon) : tolerance_(8 * epsilon) {}
  bool Stalled(double objective, double lower_bound) {
    const double scale = tolerance_ * std::max(std::abs(objective), 1e-300);
    if (std::abs(objective - objective_) > scale || std::abs(lower_bound - lower_bound_) > scale) {
      objective_ = objective;
      lower_bound_ = lower_bound;
      unchanged_ = 0;
    }
    return ++unchanged_ > kWindow;
  }
  void Save(const std::string& prefix, descent::State* state) const {
    (*state)[prefix + "objective"] = objective_;
    (*state)[prefix + "lower_bound"] = lower_bound_;
    (*state)[prefix + "unchanged"] = std::int64_t{unchanged_};
  }
  void Load(const std::string& prefix, descent::StateReader* reader) {
    objective_ = reader->Number(prefix + "objective");
    lower_bound_ = reader->Number(prefix + "lower_bound");
    unchanged_ = static_cast<int>(reader->Integer(prefix + "unchanged"));
  }

 private:
  static constexpr int kWindow = 100;
  double tolerance_;
  double objective_ = std::numeric_limits<double>::infinity();
  double lower_bound_ = 0;
  int unchanged_ = 0;
};

// One solve in progress.
class Run {
 public:
  Run(const Program& program, const Evaluation& evaluation, const Options& options, const ProgressCallback& callback)
      : program_(program),
        options_(options),
        callback_(callback),
        penalty_(PenaltyOf(program_)),
        row_space_(program_.features, penalty_->RotationInvariant()),
        map_(row_space_.Reduce(program_.features), program_.patterns.mask, program_.targets.size(1)),
        evaluator_(program_, evaluation, map_, row_space_),
        stall_(Epsilon(program_.features)) {
    if (options.start.has_value()) start_.emplace(Reduced(*options.start));
  }
  // The evaluator refers to members.
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  absl::StatusOr<Solution> Solve() {
    SetToFirst();
    if (Stopped()) return Finish(*stop_);
    const at::Tensor zeros = at::zeros_like(program_.targets);
    const at::Tensor dual = FunctionOf(program_.loss).Gradient(zeros, program_.targets).mul(-0.5);
    const at::Tensor correlations = map_.Adjoint(dual);
    const double largest =
        correlations.numel() == 0 ? 0 : penalty_->DualNorms(correlations, at::Tensor()).max().item<double>();
    if (!std::isfinite(largest)) return absl::InternalError("the products of features and targets are not finite");
    if (absl::Status status = SetBeta(largest); !status.ok()) return status;
    // The dual point of zero weights settles the question alone when β >= β_max. A β that is β_max in other
    // units or another basis may lie below it by rounding; the objective then differs by the square of that. Where
    // there is no β_max, zero is optimal only if nothing correlates.
    bound_->Offer(dual, correlations);
    const double least = HasBetaMax(program_.penalty) ? beta_ * (1 + 8 * Epsilon(map_.features())) : 0;
    if (largest <= least) return FinishAtZero();

    // β is known now.
    if (start_.has_value()) SetToFirst();
    const HalfSumProblem problem{map_,         program_.targets,
                                 correlations, program_.loss,
                                 beta_,        [this] { return Stopped(); },
                                 *penalty_,    start_.has_value() ? &*start_ : nullptr};
    std::unique_ptr<Solver> solver;
    if (options_.solver == SolverKind::kFista) {
      solver = std::make_unique<Fista>(problem);
    } else if (options_.solver == SolverKind::kInteriorPoint) {
      solver = std::make_unique<InteriorPoint>(problem, program_.activation == Activation::kRelu);
    } else if (options_.solver == SolverKind::kPenalty) {
      solver = std::make_unique<PenaltyMethod>(problem, program_.activation == Activation::kRelu, options_.penalty,
                                               LossMultiple(program_), program_.loss_scale, options_.seed);
    } else {
      const auto kernel = ChooseKernel(program_, options_);
      if (!kernel.ok()) return kernel.status();
      solution_.without_kernel = *kernel == KernelSolve::kConjugateGradients;
      solver = std::make_unique<Admm>(problem, program_.activation == Activation::kRelu, *kernel);
    }
    if (Stopped()) return Finish(*stop_);
    if (const absl::Status ready = solver->SetUp(); !ready.ok()) return Ended(ready);
    if (options_.resume_from != nullptr) {
      if (const absl::Status loaded = Load(solver.get()); !loaded.ok()) return Ended(loaded);
    }
    auto solution = Loop(*solver);
    if (solution.ok()) solution->state = solver->state();
    return solution;
  }

 private:
  // The start as solvers see it.
  SolverStart Reduced(const Start& start) const {
    const auto options = program_.features.options();
    const at::Tensor weights = start.negative.defined() ? at::cat({start.positive, start.negative}, 1) : start.positive;
    SolverStart reduced{row_space_.Project(weights.to(options)), start.state};
    if (reduced.state.multipliers.defined()) reduced.state.multipliers = reduced.state.multipliers.to(options);
    return reduced;
  }

  // The best point before any epoch is the start, or zero.
  void SetToFirst() {
    const auto options = map_.features().options();
    const std::int64_t columns = map_.blocks() * (program_.activation == Activation::kGated ? 1 : 2);
    if (start_.has_value()) {
      const PenalizedPoint first = penalty_->Prox(start_->weights, 0);
      best_ = {first.weights, first.norms, at::Tensor(), first.terms};
    } else {
      best_ = {at::zeros({map_.inputs(), columns}, options), at::zeros({columns}, options.dtype(at::kDouble)),
               at::zeros_like(program_.targets), at::zeros({0}, options.dtype(at::kDouble))};
    }
    Record(best_, 0, 0);
    solution_.progress = latest_;
    first_ = {best_, latest_};
  }

  // β and all that needs it, from the dual norm of Fᵀν at zero weights.
  absl::Status SetBeta(double largest) {
    const double multiple = LossMultiple(program_);
    if (HasBetaMax(program_.penalty)) solution_.beta_max = multiple * largest;
    beta_ = program_.beta / multiple;
    if (program_.beta_max_fraction.has_value()) {
      if (!(largest > 0)) {
        return absl::FailedPreconditionError(absl::StrCat(
            "beta_max_fraction = ", *program_.beta_max_fraction,
            ": beta_max is 0, since no pattern correlates with the targets on these data; give beta instead"));
      }
      beta_ = *program_.beta_max_fraction * largest;
      program_.beta = multiple * beta_;
    }
    solution_.beta = program_.beta;
    bound_.emplace(
        program_.targets, beta_,
        at::linalg_vector_norm(program_.features, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>(),
        program_.loss, program_.penalty);
    bound_->Confine(program_.blocks);
    if (penalty_->conjugate() == Conjugate::kSubspace && program_.loss == Loss::kSquared) {
      bound_->Raise(LeastSquaresBound(program_.features, program_.patterns.mask, program_.targets));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Solution> Loop(Solver& solver) {
    // Gated iterates are feasible, so the objective ranks them; ReLU iterates may undercut the optimum.
    const bool gated = program_.activation == Activation::kGated;
    if (solution_.epochs == 0 && gated && start_.has_value()) best_merit_ = latest_.objective;
    for (std::int64_t epoch = solution_.epochs + 1;; ++epoch) {
      if (const absl::Status status = solver.Step(*bound_); !status.ok()) {
        if (absl::IsCancelled(status) && solution_.epochs > 0 && solver.undoes_steps()) SaveWhenDue(solver);
        return Ended(status);
      }
      Record(solver.iterate(), epoch, solver.step_size());
      if (!std::isfinite(latest_.objective)) {
        return Ended(absl::InternalError(absl::StrCat("the objective stopped being finite in epoch ", epoch)));
      }
      solution_.epochs = epoch;
      const bool converged = Converged(epoch);
      const double merit = gated ? latest_.objective : Distance();
      if (merit <= best_merit_ || converged) {
        best_merit_ = merit;
        best_ = solver.iterate();
        solution_.progress = latest_;
      }
      if (callback_ && !callback_(latest_)) return Finish(StopReason::kStopped);
      if (converged) return Finish(StopReason::kConverged);
      if (epoch >= options_.max_epochs && !Stopped()) return Finish(StopReason::kEpochLimit);
      if (stall_.Stalled(latest_.objective, latest_.lower_bound)) return Finish(StopReason::kStalled);
      SaveWhenDue(solver);
      if (Stopped()) return Finish(*stop_);
    }
  }

  void SaveWhenDue(const Solver& solver) {
    if (!options_.checkpoint_due || !options_.save_state || !solver.resumable() || !options_.checkpoint_due()) return;
    descent::State state;
    state["epochs"] = solution_.epochs;
    state["next_certificate"] = next_certificate_;
    state["best_merit"] = best_merit_;
    state["seconds"] = Seconds();
    state["best/weights"] = best_.weights;
    SaveProgress("best/", solution_.progress, &state);
    bound_->Save("bound/", &state);
    stall_.Save("stall/", &state);
    solver.Save("solver/", &state);
    options_.save_state(std::move(state));
  }

  absl::Status Load(Solver* solver) {
    descent::StateReader reader(*options_.resume_from, "");
    solution_.epochs = reader.Integer("epochs");
    next_certificate_ = reader.Integer("next_certificate");
    best_merit_ = reader.Number("best_merit");
    earlier_seconds_ = reader.Number("seconds");
    best_ = {reader.TensorLike("best/weights", best_.weights), {}, {}, {}};
    solution_.progress = LoadProgress("best/", &reader);
    descent::StateReader bound = reader.Below("bound/"), entries = reader.Below("solver/");
    bound_->Load(&bound);
    stall_.Load("stall/", &reader);
    if (absl::Status status = solver->Load(&entries); !status.ok()) return status;
    for (const descent::StateReader* each : {&reader, &bound, &entries}) {
      if (!each->status().ok()) return each->status();
    }
    return absl::OkStatus();
  }

  // Of the solve, earlier attempts included.
  double Seconds() const { return earlier_seconds_ + SecondsSince(began_); }

  static double Distance(const Progress& progress) {
    return std::max(std::abs(progress.gap), progress.constraint_violation.value_or(0));
  }
  double Distance() const { return Distance(latest_); }

  // Whether the answer, the latest iterate or the start, is within the tolerance of a certain bound. One that is not
  // makes the next look wait, since each costs a product in float64.
  bool Converged(std::int64_t epoch) {
    if (Distance(Answer()) > options_.tolerance || epoch < next_certificate_) return false;
    Certify();
    latest_.lower_bound = LossMultiple(program_) * bound_->value();
    latest_.gap = RelativeGap(latest_.objective, latest_.lower_bound);
    next_certificate_ = epoch + 1 + epoch / 10;
    return Distance(Answer()) <= options_.tolerance;
  }

  const Progress& Answer() { return StartWins(latest_) ? first_.progress : latest_; }

  // Not in the reduced basis, which is itself rounded.
  void Certify() {
    bound_->Certify(PatternOperator(program_.features, program_.patterns.mask, program_.targets.size(1)));
  }

  // Measures an iterate into latest_.
  void Record(const Iterate& iterate, std::int64_t epoch, double step_size) {
    latest_ = Progress();
    evaluator_.Measure(iterate, latest_);
    latest_.epoch = epoch;
    latest_.step_size = step_size;
    latest_.lower_bound = bound_.has_value() ? LossMultiple(program_) * bound_->value() : 0;
    latest_.gap = RelativeGap(latest_.objective, latest_.lower_bound);
    latest_.seconds = Seconds();
  }

  // Whether to end now; remembers which rule said so first.
  bool Stopped() {
    if (stop_.has_value()) return true;
    if (options_.should_stop && options_.should_stop()) {
      stop_ = StopReason::kStopped;
    } else if (options_.max_seconds > 0 && Seconds() >= options_.max_seconds) {
      stop_ = StopReason::kTimeLimit;
    }
    return stop_.has_value();
  }

  // What a solver's failure comes to: the end that was asked for, a standstill, or, once an epoch has succeeded, the
  // best iterate and what went wrong.
  absl::StatusOr<Solution> Ended(const absl::Status& failure) {
    if (absl::IsCancelled(failure) && stop_.has_value()) return Finish(*stop_);
    if (absl::IsAborted(failure)) return Finish(StopReason::kStalled);
    if (!absl::IsInternal(failure) || solution_.epochs == 0) return failure;
    solution_.trouble = std::string(failure.message());
    return Finish(StopReason::kStalled);
  }

  Solution FinishAtZero() {
    start_.reset();
    SetToFirst();
    latest_.lower_bound = latest_.objective;
    latest_.gap = 0;
    latest_.seconds = Seconds();
    solution_.progress = latest_;
    if (callback_) callback_(latest_);
    SetSolution(StopReason::kZeroIsExact);
    return std::move(solution_);
  }

  Solution Finish(StopReason reason) {
    if (bound_.has_value()) {
      Certify();
      solution_.progress.lower_bound = LossMultiple(program_) * bound_->value();
      solution_.progress.gap = RelativeGap(solution_.progress.objective, solution_.progress.lower_bound);
      if (StartWins(solution_.progress)) {
        best_ = first_.iterate;
        solution_.progress = first_.progress;
      }
    }
    SetSolution(reason);
    return std::move(solution_);
  }

  // Whether the start is to be preferred to a point with this progress. Judged with the last bound, as the point is. A
  // feasible start is left for lower objectives of the network alone, which a point just outside its cones need not
  // have.
  bool StartWins(const Progress& point) {
    if (!start_.has_value()) return false;
    Progress& first = first_.progress;
    first.lower_bound = LossMultiple(program_) * bound_->value();
    first.gap = RelativeGap(first.objective, first.lower_bound);
    if (program_.activation == Activation::kGated) return first.objective < point.objective;
    const bool feasible = first.constraint_violation.value_or(0) <= 256 * Epsilon(map_.features());
    return (feasible && first.network_objective < point.network_objective) || Distance(first) < Distance(point);
  }

  void SetSolution(StopReason reason) {
    const at::Tensor weights = row_space_.Restore(best_.weights);
    solution_.positive = weights.narrow(1, 0, map_.blocks());
    if (program_.activation == Activation::kRelu) {
      solution_.negative = weights.narrow(1, map_.blocks(), map_.blocks());
    }
    solution_.reason = reason;
  }

  const Clock::time_point began_ = Clock::now();
  Program program_;  // β set when it was a share
  const Options& options_;
  const ProgressCallback& callback_;
  std::unique_ptr<const PenaltyFunction> penalty_;
  RowSpace row_space_;
  PatternOperator map_;
  Evaluator evaluator_;
  double beta_ = 0;  // for the half-sum loss
  std::optional<LowerBound> bound_;
  std::optional<StopReason> stop_;
  std::int64_t next_certificate_ = 0;
  double best_merit_ = std::numeric_limits<double>::infinity();
  double earlier_seconds_ = 0;
  StallDetector stall_;
  std::optional<SolverStart> start_;
  struct {
    Iterate iterate;
    Progress progress;
  } first_;  // start or zero, as the solve began
  Progress latest_;
  Iterate best_;
  Solution solution_;
};

}  // namespace

absl::StatusOr<Solution> Solve(const Program& program, const Evaluation& evaluation, const Options& options,
                               const ProgressCallback& callback) {
  if (const absl::Status status = Check(program, options); !status.ok()) return status;
  return Run(program, evaluation, options, callback).Solve();
}

}  // namespace cvxnn::convex
