// SPDX-License-Identifier: Apache-2.0
// Predictor and corrector for every output; see interior_point.h.
#include "core/convex/solvers/interior_point.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/group_l2.h"
#include "core/convex/solvers/interior_point_limits.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

// Solutions are refined so often, or until this share of the right-hand side is left: a predictor only says how far to
// keep from the edge.
constexpr int kRefinements = 5;
constexpr double kRough = 1e-6;
constexpr double kExact = 1e-13;
constexpr double kWorthwhile = 0.5;
// All products together at the start, in objectives at zero.
constexpr double kFirstObjectives = 0.1;

double LargestStepOf(const at::Tensor& values, const at::Tensor& change) {
  if (values.numel() == 0) return 1e30;
  // 1/α is the largest relative fall.
  const double fall = change.div(values).neg_().max().item<double>();
  return fall > 0 ? 1 / fall : 1e30;
}

bool IsPositive(const at::Tensor& values) { return values.gt(0).logical_and_(values.isfinite()).all().item<bool>(); }

bool IsInside(const ConePoints& points) {
  return IsPositive(points.head.sub(at::linalg_vector_norm(points.tail, 2, at::IntArrayRef{1})));
}

}  // namespace

double InteriorPointBytes(std::int64_t rows, std::int64_t inputs, std::int64_t patterns, std::int64_t outputs,
                          bool cones) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), c = static_cast<double>(outputs);
  const double m = static_cast<double>(patterns) * (cones ? 2 : 1);
  // Slacks and multipliers of every output, and those of a direction with what they are made from.
  const double row_side = cones ? m * n * (12 + 3 * c) : 4 * m * n;
  return NewtonSystemBytes(n, d, m) + 8 * (row_side + m * d * (30 + 5 * c) + 3 * n * d);
}

absl::Status CheckInteriorPointMemory(std::int64_t rows, std::int64_t inputs, std::int64_t patterns,
                                      std::int64_t outputs, bool cones, const at::Tensor& like) {
  return CheckFits(
      absl::StrCat("the interior point method on ", rows, " rows, ", patterns, " patterns and ", inputs, " inputs"),
      InteriorPointBytes(rows, inputs, patterns, outputs, cones), like.device());
}

double InteriorPointFlops(std::int64_t rows, std::int64_t inputs, std::int64_t patterns, std::int64_t outputs,
                          bool cones) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), p = static_cast<double>(patterns);
  const double blocks = p * (cones ? 2 : 1) * ((cones ? 2 * n * d * d : 0) + d * d * d + 40 * n * (d + 2));
  // Half of a pattern's rows are active.
  return static_cast<double>(outputs) * (blocks + p * (n * d * d + n * n * d / 2) + n * n * n / 3);
}

InteriorPoint::InteriorPoint(HalfSumProblem problem, bool cones) : problem_(std::move(problem)), cones_(cones) {}

absl::Status InteriorPoint::SetUp() {
  const at::Tensor& x = problem_.map.features();
  const auto options = x.options();
  // β < β_max, so X is not zero.
  features_scale_ = std::sqrt(at::linalg_eigvalsh(at::mm(x.t(), x)).max().item<double>());
  const at::Tensor features = x.div(features_scale_);
  const at::Tensor mask = problem_.map.mask().t().to(options.dtype());
  if (cones_) {
    const at::Tensor lengths = at::linalg_vector_norm(features, 2, at::IntArrayRef{1});
    cone_index_ = lengths.nonzero().squeeze(1);
    cone_lengths_ = lengths.index_select(0, cone_index_);
    cone_rows_ = features.index_select(0, cone_index_).div_(cone_lengths_.unsqueeze(1));
    signs_ = mask.index_select(1, cone_index_).mul_(2).sub_(1).repeat({2, 1});
  }
  system_ = std::make_unique<NewtonSystem>(features, cones_ ? at::cat({mask, mask.neg()}) : mask, cone_rows_);
  for (std::int64_t k = 0; k < problem_.map.outputs(); ++k) {
    if (problem_.Stopped()) return absl::CancelledError("stopped while setting up the interior point method");
    outputs_.push_back(Prepared(k));
  }
  return absl::OkStatus();
}

InteriorPoint::Output InteriorPoint::Prepared(std::int64_t k) const {
  const at::Tensor& x = problem_.map.features();
  const auto options = x.options();
  const std::int64_t inputs = x.size(1), blocks = problem_.map.patterns() * (cones_ ? 2 : 1);
  Output output;
  const at::Tensor targets = problem_.targets.select(1, k);
  const at::Tensor correlations = problem_.correlations.view({inputs, -1, problem_.map.outputs()}).select(2, k);
  output.scale = targets.norm().item<double>();
  output.zero = ColumnNorms(correlations).max().item<double>() <= problem_.beta;
  if (output.zero) {
    output.weights = {at::zeros({blocks}, options), at::zeros({blocks, inputs}, options)};
    if (cones_) output.lambda = at::zeros({blocks, cone_rows_.size(0)}, options);
    return output;
  }
  output.targets = targets.div(output.scale);
  output.beta = problem_.beta / (features_scale_ * output.scale);
  // Near the centre of the dual's feasible set at ν = 0: with ζ = ‖z̄‖/β, the same product on average for the rows of a
  // block as for its norm asks for ζ² = n'/(n' + 1).
  const double rows = cones_ ? static_cast<double>(cone_rows_.size(0)) : 0;
  const double product = kFirstObjectives * 0.5 / (static_cast<double>(blocks) * (1 + rows));
  const double inside = output.beta * output.beta / (1 + rows);
  output.weights = {at::full({blocks}, product * output.beta / inside, options), at::zeros({blocks, inputs}, options)};
  output.duals = {at::full({blocks}, output.beta, options), at::zeros({blocks, inputs}, options)};
  if (cones_) {
    const at::Tensor sums = at::mm(signs_, cone_rows_);
    const at::Tensor lambda = at::linalg_vector_norm(sums, 2, at::IntArrayRef{1})
                                  .reciprocal_()
                                  .mul_(std::sqrt(rows / (1 + rows)) * output.beta)
                                  .unsqueeze(1);
    output.duals.tail = sums.mul(lambda).neg_();
    output.weights.tail = output.duals.tail.mul(-product / inside);
    output.lambda = lambda.expand({blocks, cone_rows_.size(0)}).contiguous();
    output.slacks = output.lambda.reciprocal().mul_(product);
  }
  return output;
}

at::Tensor InteriorPoint::OnCones(const at::Tensor& weights) const {
  return at::mm(weights, cone_rows_.t()).mul_(signs_);
}

double InteriorPoint::MeanProduct(const Output& output) const {
  double sum = output.weights.Dot(output.duals).sum().item<double>();
  if (cones_) sum += output.slacks.mul(output.lambda).sum().item<double>();
  return sum / static_cast<double>(ProductCount(output));
}

std::int64_t InteriorPoint::ProductCount(const Output& output) const {
  return output.weights.head.numel() + (cones_ ? output.slacks.numel() : 0);
}

InteriorPoint::Residuals InteriorPoint::ResidualsOf(const Output& output) const {
  const NewtonSystem& system = *system_;
  Residuals residuals;
  residuals.dual = system.Adjoint(system.Apply(output.weights.tail).sub_(output.targets)).sub_(output.duals.tail);
  if (cones_) {
    residuals.dual.sub_(at::mm(signs_.mul(output.lambda), cone_rows_));
    residuals.primal = OnCones(output.weights.tail).sub_(output.slacks);
  }
  residuals.mean = MeanProduct(output);
  return residuals;
}

double InteriorPoint::LargestStep(const Output& output, const Direction& direction) {
  double step =
      std::min(LargestConeStep(output.weights, direction.weights), LargestConeStep(output.duals, direction.duals));
  if (output.slacks.defined()) {
    step = std::min(
        {step, LargestStepOf(output.slacks, direction.slacks), LargestStepOf(output.lambda, direction.lambda)});
  }
  return step;
}

// With y = dλ and what is given on the right, the unknowns solve
//   σ_jXᵀD_j Σ_i σ_iD_iX du_i + S_j du_j − CᵀE_j y_j = f,   E_jC du_j + (s/λ) y_j = g;
// refined together, since y alone keeps the digits that products with s/λ would lose.
InteriorPoint::Direction InteriorPoint::Towards(const Output& output, const Residuals& residuals,
                                                const ConeScaling& scaling, const ConePoints& target,
                                                const at::Tensor& products, double exact) const {
  const ConePoints scaled = scaling.ApplyInverse(target);
  const at::Tensor reduced = scaling.Reduced(scaled);
  const at::Tensor f = reduced.sub(residuals.dual);
  at::Tensor g, theta;
  if (cones_) {
    theta = output.lambda.div(output.slacks);
    g = products.div(output.lambda).sub_(residuals.primal);
  }
  at::Tensor du = at::zeros_like(f), y = cones_ ? at::zeros_like(g) : at::Tensor(), f_left = f, g_left = g;
  const double size = f.norm().item<double>();
  double last = size;
  for (int round = 0;; ++round) {
    at::Tensor right = f_left;
    if (cones_) right = right.addmm(theta.mul(g_left).mul_(signs_), cone_rows_);
    const at::Tensor change = system_->Solve(right);
    du = du.add(change);
    if (cones_) y = y.add(g_left.sub(OnCones(change)).mul_(theta));
    if (round == kRefinements) break;
    f_left = f.sub(system_->Adjoint(system_->Apply(du))).sub_(scaling.ApplyCurvature(du));
    if (cones_) f_left.addmm_(signs_.mul(y), cone_rows_);
    const double left = f_left.norm().item<double>();
    if (!(left > exact * size) || (round > 0 && left > kWorthwhile * last)) break;
    last = left;
    if (cones_) g_left = g.sub(OnCones(du)).sub_(y.div(theta));
  }
  Direction direction;
  direction.weights = {scaling.Head(scaled, du), du};
  direction.duals = {at::zeros_like(output.duals.head), reduced.sub(scaling.ApplyCurvature(du))};
  if (cones_) {
    // Whichever of the pair is small keeps its relative accuracy.
    const at::Tensor by_rows = OnCones(du).add_(residuals.primal);
    direction.slacks = at::where(theta.gt(1), products.sub(output.slacks.mul(y)).div_(output.lambda), by_rows);
    direction.lambda = at::where(theta.gt(1), y, products.sub(output.lambda.mul(by_rows)).div_(output.slacks));
  }
  return direction;
}

absl::Status InteriorPoint::Advance(Output& output) {
  const Residuals residuals = ResidualsOf(output);
  if (!(residuals.mean > kLeastProduct)) return absl::InternalError("interior point: rounding hides further progress");
  const ConeScaling scaling(output.weights, output.duals);
  const at::Tensor theta = cones_ ? output.lambda.div(output.slacks) : at::Tensor();
  if (auto status = system_->Factor(scaling, theta); !status.ok()) return status;
  if (problem_.Stopped()) return absl::CancelledError("stopped between the stages of a step");

  const ConePoints point = scaling.Apply(output.duals);
  const ConePoints square = JordanProduct(point, point);
  const at::Tensor products = cones_ ? output.slacks.mul(output.lambda).neg_() : at::Tensor();
  const Direction predictor =
      Towards(output, residuals, scaling, {point.head.neg(), point.tail.neg()}, products, kRough);
  const double predicted = std::min(1.0, LargestStep(output, predictor));

  // How much of the products the predictor would leave says how far to keep from the edge.
  Output ahead = output;
  ahead.weights = output.weights.Plus(predictor.weights, predicted);
  ahead.duals = output.duals.Plus(predictor.duals, predicted);
  if (cones_) {
    ahead.slacks = output.slacks.add(predictor.slacks, predicted);
    ahead.lambda = output.lambda.add(predictor.lambda, predicted);
  }
  const double left = std::clamp(MeanProduct(ahead) / residuals.mean, 0.0, 1.0);
  const double centre = left * left * left * residuals.mean;

  const ConePoints second = JordanProduct(scaling.ApplyInverse(predictor.weights), scaling.Apply(predictor.duals));
  const ConePoints wanted{square.head.neg().sub_(second.head).add_(centre), square.tail.neg().sub_(second.tail)};
  const at::Tensor corrected =
      cones_ ? products.sub(predictor.slacks.mul(predictor.lambda)).add_(centre) : at::Tensor();
  const Direction direction = Towards(output, residuals, scaling, JordanQuotient(wanted, point), corrected, kExact);
  const double step = std::min(1.0, kShare * LargestStep(output, direction));
  at::Tensor sum = direction.weights.head.sum() + direction.weights.tail.sum() + direction.duals.tail.sum();
  if (cones_) sum = sum + direction.slacks.sum() + direction.lambda.sum();
  if (!(step > kLeastStep) || !std::isfinite(sum.item<double>())) {
    return absl::InternalError("interior point: no step leads further at this precision");
  }
  output.weights = output.weights.Plus(direction.weights, step);
  output.duals = output.duals.Plus(direction.duals, step);
  if (cones_) {
    output.slacks = output.slacks.add(direction.slacks, step);
    output.lambda = output.lambda.add(direction.lambda, step);
  }
  step_size_ = std::min(step_size_, step);
  return absl::OkStatus();
}

absl::Status InteriorPoint::Step(LowerBound& bound) {
  // Tensors are replaced, not changed.
  const std::vector<Output> before = outputs_;
  const double step_before = std::exchange(step_size_, 1);
  std::optional<absl::Status> failure;
  bool any = false;
  for (Output& output : outputs_) {
    if (output.zero) continue;
    const absl::Status status = Advance(output);
    // Another output may still have far to go.
    if (status.ok()) {
      any = true;
    } else if (absl::IsInternal(status)) {
      failure = status;
    } else {
      outputs_ = before;
      step_size_ = step_before;
      return status;
    }
  }
  if (!any) return failure.value_or(absl::InternalError("interior point: every output is at its optimum"));
  Publish(&bound);
  return absl::OkStatus();
}

void InteriorPoint::Save(const std::string& prefix, descent::State* state) const {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const Output& output = outputs_[k];
    if (output.zero) continue;
    const std::string name = absl::StrCat(prefix, k, "/");
    (*state)[name + "weights.head"] = output.weights.head;
    (*state)[name + "weights.tail"] = output.weights.tail;
    (*state)[name + "duals.head"] = output.duals.head;
    (*state)[name + "duals.tail"] = output.duals.tail;
    if (!cones_) continue;
    (*state)[name + "slacks"] = output.slacks;
    (*state)[name + "lambda"] = output.lambda;
  }
  (*state)[prefix + "step_size"] = step_size_;
}

absl::Status InteriorPoint::Load(descent::StateReader* reader) {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    Output& output = outputs_[k];
    if (output.zero) continue;
    const std::string name = absl::StrCat(k, "/");
    output.weights = {reader->TensorLike(name + "weights.head", output.weights.head),
                      reader->TensorLike(name + "weights.tail", output.weights.tail)};
    output.duals = {reader->TensorLike(name + "duals.head", output.duals.head),
                    reader->TensorLike(name + "duals.tail", output.duals.tail)};
    if (!IsInside(output.weights)) reader->Refuse(name + "weights");
    if (!IsInside(output.duals)) reader->Refuse(name + "duals");
    if (!cones_) continue;
    output.slacks = reader->TensorLike(name + "slacks", output.slacks);
    output.lambda = reader->TensorLike(name + "lambda", output.lambda);
    if (!IsPositive(output.slacks)) reader->Refuse(name + "slacks");
    if (!IsPositive(output.lambda)) reader->Refuse(name + "lambda");
  }
  step_size_ = reader->Number("step_size");
  if (!reader->status().ok()) return reader->status();
  Publish(nullptr);
  return absl::OkStatus();
}

// In the limit a block is active or its multiplier is inside the cone; whichever is nearer its limit tells. Of those
// that seem inactive so many are left out, those that matter least first, that the loss, ½‖·‖² of what they add to the
// outputs, changes by less than the gap.
at::Tensor InteriorPoint::Kept(const Output& output) const {
  if (output.zero) return output.weights.tail;
  const at::Tensor share = output.weights.head.div(output.weights.head.max());
  const at::Tensor room =
      at::linalg_vector_norm(output.duals.tail, 2, at::IntArrayRef{1}).div_(output.beta).neg_().add_(1);
  const at::Tensor images = system_->Images(output.weights.tail);
  const auto [sizes, order] = at::linalg_vector_norm(images, 2, at::IntArrayRef{1})
                                  .masked_fill_(share.ge(room), std::numeric_limits<double>::infinity())
                                  .sort();
  const double gap = MeanProduct(output) * static_cast<double>(ProductCount(output));
  const at::Tensor left_out = order.masked_select(sizes.cumsum(0).le(std::sqrt(2 * kLeftOutShare * gap)));
  return output.weights.tail.index_fill(0, left_out, 0).mul_(output.scale / features_scale_);
}

void InteriorPoint::Publish(LowerBound* bound) {
  const auto& map = problem_.map;
  const std::int64_t outputs = map.outputs(), rows = map.rows();
  std::vector<at::Tensor> weights, duals, row_sides;
  for (std::int64_t k = 0; k < outputs; ++k) {
    const Output& output = outputs_[static_cast<std::size_t>(k)];
    weights.push_back(Kept(output).t());
    const at::Tensor nu = output.zero ? problem_.targets.select(1, k)
                                      : output.targets.sub(system_->Apply(output.weights.tail)).mul_(output.scale);
    duals.push_back(nu);
    if (!cones_) continue;
    // E λ at the original scale: rows of C are those of X divided by length and scale.
    at::Tensor on_rows = at::zeros({rows, signs_.size(0)}, nu.options());
    on_rows.index_copy_(0, cone_index_, signs_.mul(output.lambda).div_(cone_lengths_).mul_(output.scale).t());
    row_sides.push_back(on_rows);
  }
  // Column p·c + k is block p of output k; those of w follow those of v.
  iterate_.weights = at::stack(weights, 2).flatten(1);
  iterate_.norms = iterate_.terms = ColumnNorms(iterate_.weights);
  const at::Tensor nu = at::stack(duals, 1);
  if (cones_) multipliers_ = at::stack(row_sides, 2).flatten(1);
  if (bound == nullptr) return;
  if (!cones_) {
    bound->Offer(nu, map.Adjoint(nu));
    return;
  }
  const at::Tensor spread = (nu.unsqueeze(1) * map.mask().unsqueeze(2)).view({rows, -1});
  const at::Tensor row_side = at::cat({spread, spread.neg()}, 1).add_(multipliers_);
  bound->Offer(nu, at::mm(map.features().t(), row_side), row_side);
}

}  // namespace cvxnn::convex
