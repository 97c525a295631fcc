// SPDX-License-Identifier: Apache-2.0
// One epoch of FISTA; see fista.h for the method and its sources.
#include "core/convex/solvers/fista.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/dual_loss.h"
#include "core/convex/solve_state.h"
#include "core/convex/solvers/lipschitz.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

// Below this share of non-zero blocks it pays to gather them before the product.
constexpr double kGatherShare = 0.7;
// After an accepted step L is lowered towards the curvature that the step met, but by no more than this factor.
constexpr double kDecrease = 0.9;
constexpr double kHeadroom = 1.1;
constexpr double kIncrease = 1.5;
// L stays above this share of ‖F‖₂², and squared steps below this share of the squared weights do not change it.
constexpr double kLeastShare = 1e-4;
constexpr double kLeastStep = 1e-12;
constexpr int kMaxTrials = 50;

double SquaredNorm(const at::Tensor& x) {
  const double norm = at::linalg_vector_norm(x, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
  return norm * norm;
}

at::Tensor Extrapolate(const at::Tensor& now, const at::Tensor& before, double momentum) {
  return momentum == 0 ? now : at::lerp(before, now, 1 + momentum);
}

}  // namespace

double FistaBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                  std::int64_t element_bytes) {
  const auto element = static_cast<double>(element_bytes);
  // Weights and gradients of three points, correlations, extrapolations and products in flight; the span's points.
  return static_cast<double>(14 + kSpanPoints + prox_copies) * element * static_cast<double>(inputs) *
             static_cast<double>(blocks) +
         4 * element * static_cast<double>(rows);
}

absl::Status CheckFistaMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                              const at::Tensor& like) {
  return CheckFits(absl::StrCat("FISTA over ", blocks, " blocks of ", inputs, " weights"),
                   FistaBytes(rows, inputs, blocks, prox_copies, static_cast<std::int64_t>(like.element_size())),
                   like.device());
}

Fista::Fista(HalfSumProblem problem)
    : problem_(std::move(problem)),
      loss_(FunctionOf(problem_.loss)),
      curvature_(DualOf(problem_.loss)->Curvature()),
      affine_(problem_.loss == Loss::kSquared),
      span_(problem_.targets, problem_.beta) {}

absl::Status Fista::SetUp() {
  absl::StatusOr<double> largest = problem_.largest_eigenvalue;
  if (!(*largest > 0)) largest = LargestEigenvalue(problem_.map, problem_.should_stop);
  if (!largest.ok()) return largest.status();
  // Power iteration ends below the eigenvalue; the upper bound is checked at every step all the same.
  lipschitz_max_ = 1.01 * curvature_ * *largest;
  lipschitz_ = proposal_ = lipschitz_max_;
  // The bound is checked at every step, so what it was elsewhere is a safe guess.
  if (problem_.start != nullptr && problem_.start->state.curvature > 0) {
    lipschitz_ = proposal_ = std::min(problem_.start->state.curvature, lipschitz_max_);
  }
  current_ = First();
  previous_ = current_;
  return absl::OkStatus();
}

Fista::Point Fista::First() const {
  const auto& map = problem_.map;
  const auto options = map.features().options();
  Point point;
  if (problem_.start == nullptr) {
    point.iterate.weights = at::zeros({map.inputs(), map.blocks()}, options);
    point.iterate.norms = at::zeros({map.blocks()}, options.dtype(at::kDouble));
    point.iterate.outputs = at::zeros_like(problem_.targets);
    point.iterate.terms = at::zeros({0}, options.dtype(at::kDouble));
    point.gradient = problem_.correlations.neg();
    return point;
  }
  const PenalizedPoint start = problem_.penalty.Prox(problem_.start->weights, 0);
  point.iterate.weights = start.weights;
  point.iterate.norms = start.norms;
  point.iterate.terms = start.terms;
  point.iterate.outputs = Outputs(point.iterate.weights, point.iterate.norms);
  if (affine_) point.gradient = map.Adjoint(point.iterate.outputs.sub(problem_.targets));
  return point;
}

Iterate Fista::Prox(const at::Tensor& weights, double lipschitz) const {
  const PenalizedPoint point = problem_.penalty.Prox(weights, problem_.beta / lipschitz);
  return {point.weights, point.norms, Outputs(point.weights, point.norms), point.terms};
}

at::Tensor Fista::Outputs(const at::Tensor& weights, const at::Tensor& norms) const {
  const at::Tensor active = norms.nonzero().squeeze(1);
  if (static_cast<double>(active.size(0)) > kGatherShare * static_cast<double>(problem_.map.blocks())) {
    return problem_.map.Apply(weights);
  }
  return problem_.map.ApplyColumns(weights.index_select(1, active), active);
}

at::Tensor Fista::Slope(const at::Tensor& outputs) const { return loss_.Gradient(outputs, problem_.targets).mul_(0.5); }

double Fista::Divergence(const at::Tensor& after, const at::Tensor& before, const at::Tensor& slope) const {
  const at::Tensor change = after.sub(before);
  const double most = curvature_ * SquaredNorm(change);
  if (affine_) return most;
  const double turned = Slope(after).sub_(slope).mul_(change).sum(at::kDouble).item<double>();
  // Rounding can make the product of two small differences negative.
  return turned > 0 ? std::min(most, 2 * turned) : most;
}

absl::Status Fista::Step(LowerBound& bound) {
  Point next;
  at::Tensor slope, gradient;
  double step_lipschitz = proposal_;
  for (int trial = 0;; ++trial) {
    const double t = (1 + std::sqrt(1 + 4 * t_ * t_ * step_lipschitz / lipschitz_)) / 2;
    const double momentum = (t_ - 1) / t;
    const at::Tensor point = Extrapolate(current_.iterate.weights, previous_.iterate.weights, momentum);
    const at::Tensor outputs = Extrapolate(current_.iterate.outputs, previous_.iterate.outputs, momentum);
    if (affine_) {
      gradient = Extrapolate(current_.gradient, previous_.gradient, momentum);
    } else {
      slope = Slope(outputs);
      gradient = problem_.map.Adjoint(slope);
    }

    next.iterate = Prox(at::sub(point, gradient, 1 / step_lipschitz), step_lipschitz);

    const at::Tensor step = next.iterate.weights.sub(point);
    const double length = SquaredNorm(step);
    const double image = Divergence(next.iterate.outputs, outputs, slope);
    if (!std::isfinite(length) || !std::isfinite(image)) return absl::InternalError("FISTA: an iterate is not finite");
    // Steps near rounding say nothing about curvature.
    const double size = next.iterate.norms.square().sum().item<double>();
    const bool tells = length > kLeastStep * size;
    if (tells && image > step_lipschitz * length * (1 + 1e-3) && trial < kMaxTrials) {
      step_lipschitz = std::max(kIncrease * step_lipschitz, kHeadroom * image / length);
      continue;
    }
    lipschitz_ = proposal_ = step_lipschitz;
    const at::Tensor advance = next.iterate.weights.sub(current_.iterate.weights);
    const bool restart = at::dot(step.reshape(-1), advance.reshape(-1)).item<double>() < 0;
    t_ = restart ? 1 : t;
    if (tells) {
      const double curvature = std::max(kHeadroom * image / length, kLeastShare * lipschitz_max_);
      proposal_ = std::clamp(curvature, kDecrease * lipschitz_, lipschitz_);
    }
    break;
  }
  if (affine_) {
    const at::Tensor residual = next.iterate.outputs.sub(problem_.targets), dual = residual.neg();
    next.gradient = problem_.map.Adjoint(residual);
    bound.Offer(dual, next.gradient);
    if (problem_.penalty.BoundsColumns()) span_.Add(dual, next.gradient, bound);
  } else {
    bound.Offer(slope.neg(), gradient);
  }
  previous_ = std::exchange(current_, std::move(next));
  return absl::OkStatus();
}

void Fista::Save(const std::string& prefix, descent::State* state) const {
  for (const auto& [name, point] : {std::pair{"current/", &current_}, std::pair{"previous/", &previous_}}) {
    SaveMatrix(prefix + name + "weights", point->iterate.weights, state);
    SaveMatrix(prefix + name + "outputs", point->iterate.outputs, state);
    SaveMatrix(prefix + name + "gradient", point->gradient, state);
    (*state)[prefix + name + "norms"] = point->iterate.norms;
    (*state)[prefix + name + "terms"] = point->iterate.terms;
  }
  (*state)[prefix + "lipschitz"] = lipschitz_;
  (*state)[prefix + "proposal"] = proposal_;
  (*state)[prefix + "t"] = t_;
  span_.Save(prefix + "span/", state);
}

absl::Status Fista::Load(descent::StateReader* reader) {
  const auto like = problem_.targets.options(), wide = like.dtype(at::kDouble);
  for (const auto& [name, point] : {std::pair<std::string, Point*>{"current/", &current_}, {"previous/", &previous_}}) {
    point->iterate.weights = reader->TensorLike(name + "weights", current_.iterate.weights);
    point->iterate.outputs = reader->TensorLike(name + "outputs", problem_.targets);
    point->gradient = LoadMatrix(name + "gradient", like, reader);
    point->iterate.norms = reader->Tensor(name + "norms", {problem_.map.blocks()}, wide);
    point->iterate.terms = reader->TensorOfAnySize(name + "terms", 1, wide);
  }
  lipschitz_ = reader->Number("lipschitz");
  proposal_ = reader->Number("proposal");
  t_ = reader->Number("t");
  span_.Load("span/", reader);
  return absl::OkStatus();
}

}  // namespace cvxnn::convex
