// SPDX-License-Identifier: Apache-2.0
// See working_set.h.
#include "core/convex/solvers/working_set.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <utility>

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

}  // namespace

struct WorkingSetSolver::Part {
  PatternOperator map;
  at::Tensor correlations;
  SolverStart start;
  LowerBound bound;
  std::unique_ptr<Solver> solver;
};

WorkingSetSolver::WorkingSetSolver(HalfSumProblem problem, Penalty penalty, SolverFactory factory)
    : problem_(std::move(problem)), penalty_(penalty), factory_(std::move(factory)) {}

WorkingSetSolver::~WorkingSetSolver() = default;

absl::Status WorkingSetSolver::SetUp() {
  const PatternOperator& map = problem_.map;
  screening_.emplace(map, problem_.targets, problem_.loss, problem_.beta, problem_.penalty);
  features_norm_ = map.features().norm(2, at::kDouble).item<double>();
  screened_.assign(static_cast<std::size_t>(map.patterns()), 0);
  const auto options = map.features().options();
  const at::Tensor weights =
      problem_.start != nullptr ? problem_.start->weights : at::zeros({map.inputs(), map.blocks()}, options);
  const PenalizedPoint first = problem_.penalty.Prox(weights, 0);
  iterate_ = {first.weights, first.norms, at::Tensor(), first.terms};
  const at::Tensor active = first.norms.nonzero().squeeze(1);
  iterate_.outputs = map.ApplyColumns(first.weights.index_select(1, active), active);
  return problem_.Stopped() ? absl::CancelledError("stopped while preparing the working set") : absl::OkStatus();
}

at::Tensor WorkingSetSolver::Columns() const {
  return ColumnsOf(IndexOf(set_, problem_.targets.options()), problem_.map.outputs());
}

double WorkingSetSolver::Objective() const {
  return LossValue(problem_.loss, LossScale::kHalfSum, iterate_.outputs, problem_.targets) +
         problem_.beta * iterate_.terms.sum().item<double>();
}

absl::Status WorkingSetSolver::Build() {
  const PatternOperator& map = problem_.map;
  const at::Tensor patterns = IndexOf(set_, problem_.targets.options()), columns = Columns();
  SolverState state;
  if (part_ != nullptr) {
    state = part_->solver->state();
  } else if (problem_.start != nullptr) {
    state = problem_.start->state;
  }
  LowerBound bound(problem_.targets, problem_.beta, features_norm_, problem_.loss, penalty_);
  bound.KeepDuals();
  part_ = std::make_unique<Part>(
      Part{PatternOperator(map.features(), map.mask().index_select(1, patterns), map.outputs()),
           problem_.correlations.index_select(1, columns),
           SolverStart{iterate_.weights.index_select(1, columns), std::move(state)}, std::move(bound), nullptr});
  HalfSumProblem problem{part_->map,       problem_.targets, part_->correlations,
                         problem_.loss,    problem_.beta,    problem_.should_stop,
                         problem_.penalty, &part_->start,    problem_.largest_eigenvalue};
  part_->solver = factory_(problem);
  report_.patterns = std::max(report_.patterns, static_cast<std::int64_t>(set_.size()));
  return part_->solver->SetUp();
}

bool WorkingSetSolver::Look(const at::Tensor& dual, const at::Tensor& products, std::int64_t least, LowerBound& bound) {
  bound.Offer(dual, products);
  const std::int64_t patterns = problem_.map.patterns();
  ++report_.rounds;
  looked_ = epochs_;
  const at::Tensor zero = screening_->Zero(Objective(), dual, products).to(at::kCPU).contiguous();
  const at::Tensor sizes = problem_.penalty.DualNorms(products, at::Tensor()).view({patterns, -1}).amax(1);
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
  const at::Tensor active = iterate_.norms.view({map.patterns(), -1}).amax(1).nonzero().squeeze(1).to(at::kCPU);
  for (std::int64_t i = 0; i < active.size(0); ++i) set_.push_back(active[i].item<std::int64_t>());
  const std::int64_t least = std::min(map.patterns(), std::max(kLeastFirst, map.patterns() / kFirstShare));
  Look(dual, map.Adjoint(dual), least, bound);
  return Build();
}

void WorkingSetSolver::Embed() {
  const Iterate& part = part_->solver->iterate();
  const at::Tensor columns = Columns();
  iterate_.weights = at::zeros({problem_.map.inputs(), problem_.map.blocks()}, part.weights.options());
  iterate_.weights.index_copy_(1, columns, part.weights);
  iterate_.norms = at::zeros({problem_.map.blocks()}, part.norms.options());
  iterate_.norms.index_copy_(0, columns, part.norms);
  iterate_.terms = part.terms;
  iterate_.outputs = part.outputs;
  if (iterate_.outputs.defined()) return;
  const at::Tensor active = part.norms.nonzero().squeeze(1);
  iterate_.outputs = part_->map.ApplyColumns(part.weights.index_select(1, active), active);
}

absl::Status WorkingSetSolver::Step(LowerBound& bound) {
  if (part_ == nullptr) {
    if (absl::Status status = Begin(bound); !status.ok()) return status;
  }
  if (absl::Status status = part_->solver->Step(part_->bound); !status.ok()) return status;
  ++epochs_;
  Embed();
  const double objective = Objective();
  const bool due = epochs_ - looked_ >= std::max(kLookEpochs, epochs_ / kLookShare);
  if (!due && objective - part_->bound.value() > kLookGapShare * (objective - bound.value())) return absl::OkStatus();
  at::Tensor dual = part_->bound.dual();
  if (!dual.defined()) dual = FunctionOf(problem_.loss).Gradient(iterate_.outputs, problem_.targets).mul(-0.5);
  return Look(dual, problem_.map.Adjoint(dual), 0, bound) ? Build() : absl::OkStatus();
}

double WorkingSetSolver::step_size() const { return part_ == nullptr ? 0 : part_->solver->step_size(); }

SolverState WorkingSetSolver::state() const { return part_ == nullptr ? SolverState() : part_->solver->state(); }

void WorkingSetSolver::Save(const std::string& prefix, descent::State* state) const {
  std::vector<std::int64_t> screened;
  for (std::size_t p = 0; p < screened_.size(); ++p) {
    if (screened_[p] != 0) screened.push_back(static_cast<std::int64_t>(p));
  }
  (*state)[prefix + "set"] = descent::Entry(set_);
  (*state)[prefix + "screened"] = descent::Entry(screened);
  (*state)[prefix + "epochs"] = epochs_;
  (*state)[prefix + "looked"] = looked_;
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
