// SPDX-License-Identifier: Apache-2.0
// See working_set.h.
#include "core/convex/solvers/working_set.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/convex/dual_loss.h"
#include "core/convex/group_l2.h"
#include "core/convex/solve_run.h"
#include "core/convex/solve_state.h"
#include "core/network/loss_function.h"

namespace cvxnn::convex {
namespace {

// The first set, as a share of the patterns, and its least number.
constexpr std::int64_t kFirstShare = 10;
constexpr std::int64_t kLeastFirst = 10;
// The set's gap, as a share of the whole program's, at which another look pays; and so many epochs, at least and as a
// share of those done, after which there is one in any case.
constexpr double kLookGapShare = 0.3;
// For solvers that begin anew with each set.
constexpr double kLateLookGapShare = 0.01;
constexpr std::int64_t kLookEpochs = 20;
constexpr std::int64_t kLookShare = 5;

// Beside those that violate their constraint, patterns this near to it join: a solve with the set of now moves them.
constexpr double kNearby = 0.9;

at::Tensor IndexOf(const std::vector<std::int64_t>& places, const at::TensorOptions& like) {
  return at::tensor(places, at::TensorOptions().dtype(at::kLong).device(at::kCPU)).to(like.device());
}

at::Tensor ColumnsOf(const at::Tensor& patterns, std::int64_t outputs) {
  return patterns.mul(outputs).unsqueeze(1).add(at::arange(outputs, patterns.options())).reshape({-1});
}

std::unique_ptr<const PenaltyFunction> PenaltyOf(const WorkingSetProgram& program, const at::Tensor& columns,
                                                 std::int64_t outputs) {
  auto penalty = MakePenaltyFunction(program.penalty, outputs);
  return program.blocks.defined() ? MakeConfined(std::move(penalty), program.blocks.index_select(0, columns))
                                  : std::move(penalty);
}

}  // namespace

struct WorkingSetSolver::Part {
  std::vector<std::int64_t> patterns;
  std::unique_ptr<const PenaltyFunction> penalty;
  PatternOperator map;
  at::Tensor correlations;
  SolverStart start;
  LowerBound bound;
  std::unique_ptr<Solver> solver;
  bool stepped = false;
};

WorkingSetSolver::WorkingSetSolver(HalfSumProblem problem, WorkingSetProgram program, SolverFactory factory,
                                   bool begins_anew)
    : problem_(std::move(problem)),
      program_(std::move(program)),
      factory_(std::move(factory)),
      begins_anew_(begins_anew) {}

WorkingSetSolver::~WorkingSetSolver() = default;

absl::Status WorkingSetSolver::SetUp() {
  const PatternOperator& map = problem_.map;
  screening_.emplace(map, problem_.targets, problem_.loss, problem_.beta, problem_.penalty);
  features_norm_ = map.features().norm(2, at::kDouble).item<double>();
  screened_.assign(static_cast<std::size_t>(map.patterns()), 0);
  const auto options = map.features().options();
  const at::Tensor weights =
      problem_.start != nullptr ? problem_.start->weights : at::zeros({map.inputs(), Signs() * map.blocks()}, options);
  const PenalizedPoint first = problem_.penalty.Prox(weights, 0);
  iterate_ = {first.weights, first.norms, at::Tensor(), first.terms};
  iterate_.outputs = Outputs(map, first.weights, first.norms);
  if (program_.cones) {
    cones_.emplace(map);
    upper_ = FunctionOf(problem_.loss).Sum(at::zeros_like(problem_.targets), problem_.targets).item<double>() / 2;
  }
  return problem_.Stopped() ? absl::CancelledError("stopped while preparing the working set") : absl::OkStatus();
}

at::Tensor WorkingSetSolver::Columns(const std::vector<std::int64_t>& patterns) const {
  const at::Tensor columns = ColumnsOf(IndexOf(patterns, problem_.targets.options()), problem_.map.outputs());
  return program_.cones ? at::cat({columns, columns.add(problem_.map.blocks())}) : columns;
}

at::Tensor WorkingSetSolver::Outputs(const PatternOperator& map, const at::Tensor& weights,
                                     const at::Tensor& norms) const {
  const std::int64_t blocks = map.blocks();
  if (!program_.cones) {
    const at::Tensor active = norms.nonzero().squeeze(1);
    return map.ApplyColumns(weights.index_select(1, active), active);
  }
  const at::Tensor active = norms.view({2, blocks}).amax(0).nonzero().squeeze(1);
  return map.ApplyColumns(weights.index_select(1, active).sub(weights.index_select(1, active.add(blocks))), active);
}

double WorkingSetSolver::LookShare() const { return begins_anew_ ? kLateLookGapShare : kLookGapShare; }

double WorkingSetSolver::Objective() const {
  return LossValue(problem_.loss, LossScale::kHalfSum, iterate_.outputs, problem_.targets) +
         problem_.beta * iterate_.terms.sum().item<double>();
}

SolverState WorkingSetSolver::FirstState(const at::Tensor& columns) {
  SolverState state;
  if (part_ != nullptr) {
    state = part_->solver->state();
  } else if (problem_.start != nullptr) {
    state = problem_.start->state;
  }
  if (!program_.cones) return state;
  // The part's own multipliers, and where it had none those of the look. From zero weights, none: a solver begins
  // nearer to the optimum without those of the first residual.
  if (part_ == nullptr) {
    if (problem_.start == nullptr) multipliers_ = at::Tensor();
  } else if (state.multipliers.defined() && multipliers_.defined()) {
    multipliers_.index_copy_(1, Columns(part_->patterns), state.multipliers);
  }
  state.multipliers = multipliers_.defined() ? multipliers_.index_select(1, columns) : at::Tensor();
  multipliers_ = at::Tensor();
  return state;
}

absl::Status WorkingSetSolver::Build() {
  const PatternOperator& map = problem_.map;
  const at::Tensor patterns = IndexOf(set_, problem_.targets.options()), columns = Columns(set_);
  SolverState state = FirstState(columns);
  LowerBound bound(problem_.targets, problem_.beta, features_norm_, problem_.loss, program_.penalty);
  bound.KeepDuals();
  if (program_.blocks.defined()) bound.Confine(program_.blocks.index_select(0, columns));
  part_ = std::make_unique<Part>(
      Part{set_, PenaltyOf(program_, columns, map.outputs()),
           PatternOperator(map.features(), map.mask().index_select(1, patterns), map.outputs()),
           problem_.correlations.index_select(1, ColumnsOf(patterns, map.outputs())),
           SolverStart{iterate_.weights.index_select(1, columns), std::move(state)}, std::move(bound), nullptr});
  HalfSumProblem problem{part_->map,      problem_.targets, part_->correlations,
                         problem_.loss,   problem_.beta,    problem_.should_stop,
                         *part_->penalty, &part_->start,    problem_.largest_eigenvalue};
  part_->solver = factory_(problem);
  report_.patterns = std::max(report_.patterns, static_cast<std::int64_t>(set_.size()));
  return part_->solver->SetUp();
}

absl::StatusOr<bool> WorkingSetSolver::Look(const at::Tensor& dual, const KnownRowSide& known, std::int64_t least,
                                            LowerBound& bound) {
  const PatternOperator& map = problem_.map;
  if (!program_.cones) {
    const at::Tensor products = map.Adjoint(dual);
    bound.Offer(dual, products);
    return Choose(dual, products, at::Tensor(), least);
  }
  // Of the very ν that the row sides are made of.
  const at::Tensor nu = DualOf(problem_.loss)->IntoDomain(dual, problem_.targets);
  auto all = cones_->At(nu, known, kNearby * problem_.beta, problem_.should_stop);
  if (!all.ok()) return all.status();
  bound.Offer(nu, all->products, all->row_side);
  const at::Tensor spread = nu.unsqueeze(1).mul(map.mask().unsqueeze(2)).view({map.rows(), map.blocks()});
  multipliers_ = all->row_side.sub(at::cat({spread, spread.neg()}, 1));
  if (program_.blocks.defined()) all->products.mul_(program_.blocks);
  upper_ = std::min(upper_, cones_->FeasibleObjective(iterate_, problem_));
  return Choose(nu, all->products, ColumnNorms(all->row_side), least);
}

bool WorkingSetSolver::Choose(const at::Tensor& dual, const at::Tensor& products, const at::Tensor& row_sizes,
                              std::int64_t least) {
  const std::int64_t patterns = problem_.map.patterns();
  ++report_.rounds;
  looked_ = epochs_;
  const double upper = program_.cones ? upper_ : Objective();
  const at::Tensor zero = screening_->Zero(upper, dual, products, row_sizes).to(at::kCPU).contiguous();
  const at::Tensor sizes =
      problem_.penalty.DualNorms(products, at::Tensor()).view({Signs(), patterns, -1}).amax(at::IntArrayRef{0, 2});
  const at::Tensor order = sizes.argsort(0, /*descending=*/true).to(at::kCPU).contiguous();
  const at::Tensor here = sizes.to(at::kCPU).contiguous();
  const auto* const size = here.data_ptr<double>();
  for (std::int64_t p = 0; p < patterns; ++p) {
    if (zero.data_ptr<bool>()[p]) screened_[static_cast<std::size_t>(p)] = 1;
  }
  report_.screened = std::count(screened_.begin(), screened_.end(), 1);

  std::vector<char> in(screened_.size(), 0);
  std::vector<std::int64_t> next;
  for (const std::int64_t p : set_) {
    in[static_cast<std::size_t>(p)] = 1;
    if (screened_[static_cast<std::size_t>(p)] == 0) next.push_back(p);
  }
  const bool left = next.size() < set_.size();
  // As many again as there are, the worst first.
  const std::int64_t most = std::max<std::int64_t>(least, static_cast<std::int64_t>(next.size()));
  std::int64_t added = 0;
  for (std::int64_t i = 0; i < patterns && added < most; ++i) {
    const std::int64_t p = order.data_ptr<std::int64_t>()[i];
    const auto place = static_cast<std::size_t>(p);
    if (in[place] != 0 || screened_[place] != 0) continue;
    const double enough = added == 0 || size[p] > problem_.beta ? problem_.beta : kNearby * problem_.beta;
    if (size[p] <= enough && static_cast<std::int64_t>(next.size()) >= least) break;
    next.push_back(p);
    ++added;
  }
  // Screening is exact but for rounding, which nothing is left to explain a constraint that does not hold with.
  if (added == 0 && !left && patterns > 0 && size[order.data_ptr<std::int64_t>()[0]] > problem_.beta) {
    const std::int64_t worst = order.data_ptr<std::int64_t>()[0];
    if (screened_[static_cast<std::size_t>(worst)] != 0 && in[static_cast<std::size_t>(worst)] == 0) {
      screened_[static_cast<std::size_t>(worst)] = 0;
      next.push_back(worst);
      ++added;
    }
  }
  if (next.empty() && patterns > 0) next.push_back(order.data_ptr<std::int64_t>()[0]);
  std::sort(next.begin(), next.end());
  const bool changed = next != set_;
  set_ = std::move(next);
  return changed;
}

absl::Status WorkingSetSolver::Begin(LowerBound& bound) {
  const PatternOperator& map = problem_.map;
  // From the dual point of the start: the sequential rule, when the start is the answer for another β.
  const at::Tensor dual = FunctionOf(problem_.loss).Gradient(iterate_.outputs, problem_.targets).mul(-0.5);
  const at::Tensor norms = iterate_.norms.view({Signs(), map.patterns(), -1}).amax(at::IntArrayRef{0, 2});
  const at::Tensor active = norms.nonzero().squeeze(1).to(at::kCPU);
  for (std::int64_t i = 0; i < active.size(0); ++i) set_.push_back(active[i].item<std::int64_t>());
  const std::int64_t least = std::min(map.patterns(), std::max(kLeastFirst, map.patterns() / kFirstShare));
  const absl::StatusOr<bool> looked = Look(dual, KnownRowSide(), least, bound);
  return looked.ok() ? Build() : looked.status();
}

absl::StatusOr<bool> WorkingSetSolver::Renew(LowerBound& bound) {
  at::Tensor dual = part_->bound.dual();
  KnownRowSide known;
  if (!dual.defined()) {
    dual = FunctionOf(problem_.loss).Gradient(iterate_.outputs, problem_.targets).mul(-0.5);
  } else if (program_.cones) {
    known = {part_->patterns, part_->bound.row_side()};
  }
  const absl::StatusOr<bool> changed = Look(dual, known, 0, bound);
  if (!changed.ok() || !*changed) return changed;
  const absl::Status built = Build();
  return built.ok() ? absl::StatusOr<bool>(true) : built;
}

void WorkingSetSolver::Embed() {
  const Iterate& part = part_->solver->iterate();
  const at::Tensor columns = Columns(part_->patterns);
  const std::int64_t blocks = Signs() * problem_.map.blocks();
  iterate_.weights = at::zeros({problem_.map.inputs(), blocks}, part.weights.options());
  iterate_.weights.index_copy_(1, columns, part.weights);
  iterate_.norms = at::zeros({blocks}, part.norms.options());
  iterate_.norms.index_copy_(0, columns, part.norms);
  iterate_.terms = part.terms;
  iterate_.outputs = part.outputs.defined() ? part.outputs : Outputs(part_->map, part.weights, part.norms);
}

absl::Status WorkingSetSolver::Step(LowerBound& bound) {
  if (part_ == nullptr) {
    if (absl::Status status = Begin(bound); !status.ok()) return status;
  }
  const absl::Status stepped = part_->solver->Step(part_->bound);
  // No step changes anything on this set; another set may.
  const bool ended = absl::IsAborted(stepped);
  undone_ = absl::IsCancelled(stepped) && part_->solver->undoes_steps();
  if (!stepped.ok() && !ended) return stepped;
  ++epochs_;
  part_->stepped = true;
  Embed();
  const double objective = Objective(), here = part_->bound.value();
  const bool due = ended || epochs_ - looked_ >= std::max(kLookEpochs, epochs_ / kLookShare);
  // Iterates of ReLU programs may lie below the optimum.
  const double whole = std::max(objective, here) - bound.value();
  if (!due && std::abs(objective - here) > LookShare() * whole) return absl::OkStatus();
  const absl::StatusOr<bool> changed = Renew(bound);
  if (!changed.ok()) return changed.status();
  return ended && !*changed ? stepped : absl::OkStatus();
}

void WorkingSetSolver::Judge(double violation, double /*gap*/) {
  // A part made since has not met the iterate.
  if (part_ == nullptr || !part_->stepped) return;
  part_->solver->Judge(violation, RelativeGap(Objective(), part_->bound.value()));
}

double WorkingSetSolver::step_size() const { return part_ == nullptr ? 0 : part_->solver->step_size(); }

SolverState WorkingSetSolver::state() const {
  if (part_ == nullptr) return {};
  SolverState state = part_->solver->state();
  if (!state.multipliers.defined()) return state;
  const at::Tensor own = state.multipliers;
  state.multipliers = at::zeros({own.size(0), Signs() * problem_.map.blocks()}, own.options());
  state.multipliers.index_copy_(1, Columns(part_->patterns), own);
  return state;
}

bool WorkingSetSolver::resumable() const { return part_ != nullptr && part_->solver->resumable(); }

void WorkingSetSolver::Save(const std::string& prefix, descent::State* state) const {
  std::vector<std::int64_t> screened;
  for (std::size_t p = 0; p < screened_.size(); ++p) {
    if (screened_[p] != 0) screened.push_back(static_cast<std::int64_t>(p));
  }
  (*state)[prefix + "set"] = descent::Entry(set_);
  (*state)[prefix + "screened"] = descent::Entry(screened);
  (*state)[prefix + "epochs"] = epochs_;
  (*state)[prefix + "looked"] = looked_;
  (*state)[prefix + "upper"] = upper_;
  (*state)[prefix + "patterns"] = report_.patterns;
  (*state)[prefix + "rounds"] = report_.rounds;
  SaveMatrix(prefix + "weights", iterate_.weights, state);
  if (part_ == nullptr) return;
  part_->bound.Save(prefix + "bound/", state);
  part_->solver->Save(prefix + "solver/", state);
}

absl::Status WorkingSetSolver::Load(descent::StateReader* reader) {
  const std::int64_t patterns = problem_.map.patterns();
  set_ = reader->Places("set", patterns);
  const std::vector<std::int64_t> screened = reader->Places("screened", patterns);
  epochs_ = reader->Integer("epochs");
  looked_ = reader->Integer("looked");
  upper_ = reader->Number("upper");
  report_.patterns = reader->Integer("patterns");
  report_.rounds = reader->Integer("rounds");
  iterate_.weights = LoadMatrix("weights", problem_.targets.options(), reader);
  if (!reader->status().ok() || !iterate_.weights.defined()) return reader->status();
  for (const std::int64_t p : screened) screened_[static_cast<std::size_t>(p)] = 1;
  report_.screened = static_cast<std::int64_t>(screened.size());
  if (absl::Status status = Build(); !status.ok()) return status;
  descent::StateReader bound = reader->Below("bound/"), solver = reader->Below("solver/");
  part_->bound.Load(&bound);
  if (absl::Status status = part_->solver->Load(&solver); !status.ok()) return status;
  if (!bound.status().ok()) return bound.status();
  if (!solver.status().ok()) return solver.status();
  Embed();
  return absl::OkStatus();
}

}  // namespace cvxnn::convex
