// SPDX-License-Identifier: Apache-2.0
// One epoch of the penalty method; see penalty_method.h.
#include "core/convex/solvers/penalty_method.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/dual_loss.h"
#include "core/convex/solve_state.h"
#include "core/descent/initial_weights.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

// Weight of the newest dual point in the mean: (η + 1)/(t + η), with η = 3.
constexpr double kMeanDegree = 3;

double HalfSumRho(double rho, double multiple, LossScale scale, double rows) {
  return rho * (scale == LossScale::kMean ? 1 / rows : 1) / multiple;
}

}  // namespace

double PenaltyMethodBytes(std::int64_t rows, std::int64_t inputs, std::int64_t columns, bool cones,
                          const descent::Optimizer& optimizer, std::int64_t element_bytes) {
  // Weights, iterate, best, gradient and its data part, constraints and their mean, two temporaries; row sides of the
  // last point, of the mean, of the best, and a temporary, which gated programs do without.
  const double matrices = 10 + static_cast<double>(descent::StateMatrices(optimizer));
  const double row_sides = cones ? 4 * static_cast<double>(rows) : 0;
  return static_cast<double>(element_bytes) * static_cast<double>(columns) *
         (matrices * static_cast<double>(inputs) + row_sides);
}

absl::Status CheckPenaltyMethodMemory(std::int64_t rows, std::int64_t inputs, std::int64_t columns, bool cones,
                                      const descent::Optimizer& optimizer, const at::Tensor& like) {
  return CheckFits(
      absl::StrCat("the penalty method over ", columns, " blocks of ", inputs, " weights"),
      PenaltyMethodBytes(rows, inputs, columns, cones, optimizer, static_cast<std::int64_t>(like.element_size())),
      like.device());
}

PenaltyMethod::PenaltyMethod(HalfSumProblem problem, bool cones, PenaltySettings settings, double multiple,
                             LossScale scale, std::uint64_t seed)
    : problem_(std::move(problem)),
      settings_(std::move(settings)),
      cones_(cones),
      multiple_(multiple),
      seed_(seed),
      objective_(problem_, cones, HalfSumRho(settings_.rho, multiple, scale, static_cast<double>(problem_.map.rows()))),
      batch_(settings_.batch_size > 0 ? std::min(settings_.batch_size, problem_.map.rows()) : problem_.map.rows()) {}

absl::Status PenaltyMethod::SetUp() {
  const PatternOperator& map = problem_.map;
  const auto options = map.features().options();
  const std::int64_t columns = objective_.columns();
  weights_ = problem_.start != nullptr ? problem_.penalty.Confine(problem_.start->weights).clone().contiguous()
                                       : at::zeros({map.inputs(), columns}, options);
  update_ = descent::MakeWeightUpdate(settings_.optimizer, weights_.view({1, -1}));
  schedule_ = std::make_unique<descent::RateSchedule>(settings_.schedule,
                                                      std::vector<double>{descent::LearningRate(AsMethod(settings_))});
  for (DualPoint* point : {&point_, &mean_}) {
    point->rows.dual = at::zeros_like(problem_.targets);
    if (cones_) point->rows.row_side = at::zeros({map.rows(), columns}, options);
    point->constraints = at::zeros({map.inputs(), columns}, options);
  }
  return absl::OkStatus();
}

absl::Status PenaltyMethod::Step(LowerBound& bound) {
  descent::State before = Entries(/*before_an_epoch=*/true);
  ++epoch_;
  rate_ = schedule_->RatesOf(epoch_)[0];
  if (absl::Status status = full_batch() ? FullBatch() : MiniBatches(); !status.ok()) {
    before_ = std::move(before);
    return status;
  }
  if (schedule_->NeedsObjectives()) {
    const PenalizedSums sums = objective_.Pass(weights_, at::Tensor(), nullptr, nullptr);
    schedule_->Observe(0, epoch_, multiple_ * objective_.Value(sums, weights_));
  }
  const PenalizedPoint point = problem_.penalty.Prox(weights_, 0);
  iterate_ = {point.weights, point.norms, at::Tensor(), point.terms};
  OfferDualPoints(bound);
  return absl::OkStatus();
}

at::Tensor PenaltyMethod::Gradient(const at::Tensor& data_part, double multiple) const {
  at::Tensor gradient = problem_.penalty.Subgradient(weights_).mul_(problem_.beta);
  return problem_.penalty.Confine(gradient.add_(data_part, multiple).mul_(multiple_)).view({1, -1});
}

absl::Status PenaltyMethod::FullBatch() {
  if (problem_.Stopped()) return absl::CancelledError("stopped");
  if (update_->finished()) return absl::AbortedError("the optimiser finds no further step");
  at::Tensor data_part = at::zeros_like(weights_), flat = weights_.view({1, -1}), gradient;
  const auto evaluate = [&] {
    data_part.zero_();
    const PenalizedSums sums = objective_.Pass(weights_, at::Tensor(), &data_part, &point_.rows);
    const double value = multiple_ * objective_.Value(sums, weights_);
    // The optimiser holds on to the tensor that it was given.
    const at::Tensor now = Gradient(data_part, 1);
    gradient.defined() ? static_cast<void>(gradient.copy_(now)) : static_cast<void>(gradient = now);
    return value;
  };
  const std::vector<double> rates = {rate_}, objectives = {evaluate()};
  const std::function<bool(std::vector<double>*)> search = [&](std::vector<double>* values) {
    if (problem_.Stopped()) return false;
    (*values)[0] = evaluate();
    return true;
  };
  if (!update_->Apply(flat, gradient, {rates, objectives, search})) return absl::CancelledError("stopped");
  point_.constraints = data_part.neg();
  return absl::OkStatus();
}

absl::Status PenaltyMethod::MiniBatches() {
  const std::int64_t rows = problem_.map.rows();
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  descent::RowOrder(seed_, /*trial=*/0, epoch_, &order);
  const at::Tensor shuffled =
      at::tensor(order, at::TensorOptions().device(at::kCPU).dtype(at::kLong)).to(problem_.map.features().device());
  const std::vector<double> rates = {rate_}, objectives;
  const std::function<bool(std::vector<double>*)> none;
  at::Tensor data_part = at::zeros_like(weights_), flat = weights_.view({1, -1});
  point_.constraints.zero_();
  for (std::int64_t begin = 0; begin < rows; begin += batch_) {
    if (problem_.Stopped()) return absl::CancelledError("stopped");
    const std::int64_t size = std::min(batch_, rows - begin);
    data_part.zero_();
    objective_.Pass(weights_, shuffled.narrow(0, begin, size), &data_part, &point_.rows);
    point_.constraints.sub_(data_part);
    at::Tensor gradient = Gradient(data_part, static_cast<double>(rows) / static_cast<double>(size));
    update_->Apply(flat, gradient, {rates, objectives, none});
  }
  return absl::OkStatus();
}

descent::State PenaltyMethod::Entries(bool before_an_epoch) const {
  descent::State state;
  update_->Save("update/", state);
  schedule_->Save("schedule/", state);
  if (before_an_epoch && !full_batch()) {
    for (auto& [name, value] : state) {
      if (at::Tensor* tensor = std::get_if<at::Tensor>(&value)) *tensor = tensor->clone();
    }
  }
  state["epoch"] = epoch_;
  state["weights"] = before_an_epoch ? weights_.clone() : weights_;
  SaveMatrix("mean/dual", mean_.rows.dual, &state);
  SaveMatrix("mean/row_side", mean_.rows.row_side, &state);
  SaveMatrix("mean/constraints", mean_.constraints, &state);
  return state;
}

void PenaltyMethod::Save(const std::string& prefix, descent::State* state) const {
  for (const auto& [name, value] : before_.empty() ? Entries(/*before_an_epoch=*/false) : before_) {
    (*state)[prefix + name] = value;
  }
}

absl::Status PenaltyMethod::Load(descent::StateReader* reader) {
  epoch_ = reader->Integer("epoch");
  weights_ = reader->TensorLike("weights", weights_).clone();
  mean_.rows.dual = reader->TensorLike("mean/dual", mean_.rows.dual).clone();
  if (cones_) mean_.rows.row_side = reader->TensorLike("mean/row_side", mean_.rows.row_side).clone();
  mean_.constraints = reader->TensorLike("mean/constraints", mean_.constraints).clone();
  descent::StateReader update = reader->Below("update/"), schedule = reader->Below("schedule/");
  update_->Load(update);
  schedule_->Load(schedule);
  if (!update.status().ok()) return update.status();
  return schedule.status();
}

void PenaltyMethod::OfferDualPoints(LowerBound& bound) {
  const double share = std::min(1.0, (kMeanDegree + 1) / (static_cast<double>(epoch_) + kMeanDegree));
  mean_.rows.dual.lerp_(point_.rows.dual, share);
  mean_.constraints.lerp_(point_.constraints, share);
  if (!cones_) {
    for (const DualPoint* point : {&point_, &mean_}) bound.Offer(point->rows.dual, point->constraints);
    return;
  }
  mean_.rows.row_side.lerp_(point_.rows.row_side, share);
  bound.Offer(point_.rows.dual, point_.constraints, point_.rows.row_side);
  // Rounding may have carried a mean just outside what it is made of: ν out of its domain, multipliers below 0.
  const PatternOperator& map = problem_.map;
  const at::Tensor dual = DualOf(problem_.loss)->IntoDomain(mean_.rows.dual, problem_.targets);
  const at::Tensor mask = map.mask().to(at::kBool).view({map.rows(), 1, map.patterns(), 1});
  const at::Tensor side = mean_.rows.row_side.view({map.rows(), 2, map.patterns(), map.outputs()});
  const at::Tensor least = at::stack({dual, dual.neg()}, 1).unsqueeze(2);
  const at::Tensor inside = at::where(mask, side.maximum(least), side.clamp_max(0));
  bound.Offer(dual, mean_.constraints, inside.view(mean_.rows.row_side.sizes()));
}

}  // namespace cvxnn::convex
