// SPDX-License-Identifier: Apache-2.0
// See newton.h.
#include "core/convex/solvers/newton.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/group_l2.h"
#include "core/convex/solve_state.h"
#include "core/convex/solvers/in_pieces.h"
#include "core/convex/solvers/lipschitz.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

// σ‖F‖₂² at first, by what σ is raised, and the most that this precision bears.
constexpr double kFirstDualPenalty = 1000;
constexpr double kPenaltyRaise = 3;
double MostPenalty(const at::Tensor& x) { return x.scalar_type() == at::kFloat ? 1e6 : 1e11; }
// ‖∇ψ‖ against ‖u⁺ − u‖/√σ, at which the multipliers move.
constexpr double kInnerShare = 3;
// Conjugate gradients: relative residual, at most, and flops as a multiple of a factor's, after which factors take
// over.
constexpr double kLeastAccuracy = 0.2;
constexpr double kShareOfFactor = 2;
constexpr double kSufficientDecrease = 1e-4;
constexpr double kLeastShareOfStep = 1e-6;

double RoundoffOf(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

double LengthOf(const at::Tensor& x) { return x.norm(2, at::kDouble).item<double>(); }

double InnerProduct(const at::Tensor& a, const at::Tensor& b) { return a.mul(b).sum(at::kDouble).item<double>(); }

// Sums over the inputs of products of two d×P matrices, float64.
at::Tensor ColumnDots(const at::Tensor& a, const at::Tensor& b) {
  return a.mul(b).sum(at::IntArrayRef{0}, /*keepdim=*/false, at::kDouble);
}

}  // namespace

double NewtonBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, std::int64_t element_bytes) {
  const auto n = static_cast<double>(rows), m = static_cast<double>(blocks);
  // The kernel, the Hessian, its factor and what they are made with; masks of rows by blocks; weights, products and the
  // arrays between them.
  return static_cast<double>(element_bytes) * (4 * n * n + 4 * n * m + 10 * static_cast<double>(inputs) * m);
}

absl::Status CheckNewtonMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, const at::Tensor& like) {
  return CheckFits(absl::StrCat("Newton's method over ", rows, " rows and ", blocks, " blocks of ", inputs, " weights"),
                   NewtonBytes(rows, inputs, blocks, static_cast<std::int64_t>(like.element_size())), like.device());
}

Newton::Newton(HalfSumProblem problem)
    : problem_(std::move(problem)), map_(problem_.map.features(), problem_.map.mask(), 1) {}

absl::Status Newton::SetUp() {
  const at::Tensor& x = map_.features();
  largest_ = problem_.largest_eigenvalue;
  if (!(largest_ > 0)) {
    const auto largest = LargestEigenvalue(map_, problem_.should_stop);
    if (!largest.ok()) return largest.status();
    largest_ = *largest;
  }
  mask_ = map_.mask().to(x.scalar_type());
  squares_ = x.square().sum(1, /*keepdim=*/true);
  const std::int64_t outputs = problem_.targets.size(1), patterns = map_.patterns();
  outputs_.assign(static_cast<std::size_t>(outputs), Output());
  for (std::int64_t k = 0; k < outputs; ++k) {
    Output& output = outputs_[static_cast<std::size_t>(k)];
    output.target = problem_.targets.narrow(1, k, 1).contiguous();
    output.sigma = kFirstDualPenalty / std::max(largest_, std::numeric_limits<double>::min());
    const at::Tensor correlations = problem_.correlations.view({map_.inputs(), patterns, outputs}).select(2, k);
    if (problem_.start == nullptr) {
      // The targets, scaled to where they are feasible.
      output.weights = at::zeros({map_.inputs(), patterns}, x.options());
      const double largest = patterns == 0 ? 0 : ColumnNorms(correlations).max().item<double>();
      const double scale = largest > problem_.beta ? problem_.beta / largest : 1;
      output.dual = output.target.mul(scale);
      output.product = correlations.mul(scale);
    } else {
      output.weights = problem_.start->weights.view({map_.inputs(), patterns, outputs}).select(2, k).contiguous();
      output.dual = output.target.sub(map_.Apply(output.weights));
      output.product = map_.Adjoint(output.dual);
    }
    Evaluate(&output);
  }
  SetIterate();
  return absl::OkStatus();
}

void Newton::Evaluate(Output* output) const {
  const at::Tensor all = at::add(output->weights, output->product, output->sigma);
  const at::Tensor norms = ColumnNorms(all);
  const double threshold = output->sigma * problem_.beta;
  output->active = norms.gt(threshold).nonzero().squeeze(1);
  output->columns = all.index_select(1, output->active);
  output->norms = norms.index_select(0, output->active);
  output->shrunk = output->columns.mul(output->norms.reciprocal().mul_(-threshold).add_(1).to(all.scalar_type()));
  output->outputs = map_.ApplyColumns(output->shrunk, output->active);
  output->gradient = output->dual.sub(output->target).add_(output->outputs);
}

bool Newton::IsSmall(const Output& output) const {
  const double size = LengthOf(output.gradient);
  if (size <= 4 * RoundoffOf(output.target) * LengthOf(output.target)) return true;
  at::Tensor moved = output.weights.neg();
  moved.index_add_(1, output.active, output.shrunk);
  return size <= kInnerShare * LengthOf(moved) / std::sqrt(output.sigma);
}

void Newton::MoveOn(Output* output) const {
  output->weights = at::zeros_like(output->weights).index_copy_(1, output->active, output->shrunk);
  const double most = MostPenalty(output->target) / std::max(largest_, std::numeric_limits<double>::min());
  output->sigma = std::min(most, kPenaltyRaise * output->sigma);
  Evaluate(output);
}

at::Tensor Newton::ConjugateGradients(const Output& output, double tolerance, std::int64_t most) const {
  const at::Tensor& x = map_.features();
  const auto type = x.scalar_type();
  const at::Tensor t = output.norms.reciprocal().mul(output.sigma * problem_.beta);
  const at::Tensor mask = mask_.index_select(1, output.active);
  const at::Tensor along = output.columns.div(output.norms.to(type)), share = t.to(type),
                   rest = t.neg().add_(1).to(type);
  const auto multiply = [&](const at::Tensor& rows) {
    const at::Tensor inner = at::mm(x.t(), mask.mul(rows));
    const at::Tensor turned = inner.mul(rest).add_(along.mul(along.mul(inner).sum(0).mul_(share)));
    return at::add(rows, at::mm(x, turned).mul_(mask).sum(1, /*keepdim=*/true), output.sigma);
  };
  const at::Tensor inverse =
      at::mm(mask, rest.unsqueeze(1)).mul_(squares_).mul_(output.sigma).add_(1).reciprocal_();  // of the diagonal,
                                                                                                // roughly
  at::Tensor solution = at::zeros_like(output.gradient), residual = output.gradient.neg();
  at::Tensor conditioned = residual.mul(inverse), direction = conditioned;
  double product = InnerProduct(residual, conditioned);
  const double enough = tolerance * LengthOf(residual);
  for (std::int64_t step = 0; step < most; ++step) {
    const at::Tensor image = multiply(direction);
    const double curvature = InnerProduct(direction, image);
    if (!(curvature > 0)) return {};
    solution = solution.add(direction, product / curvature);
    residual = residual.sub(image, product / curvature);
    if (LengthOf(residual) <= enough) return solution;
    conditioned = residual.mul(inverse);
    const double next = InnerProduct(residual, conditioned);
    direction = conditioned.add(direction, next / product);
    product = next;
  }
  return {};
}

absl::StatusOr<at::Tensor> Newton::Factored(const Output& output) {
  const at::Tensor& x = map_.features();
  const auto type = x.scalar_type();
  if (!kernel_.defined()) {
    auto kernel = MultiplyInPieces(x, x.t(), problem_.should_stop);
    if (!kernel.ok()) return kernel.status();
    kernel_ = *std::move(kernel);
  }
  const at::Tensor t = output.norms.reciprocal().mul(output.sigma * problem_.beta);
  const at::Tensor mask = mask_.index_select(1, output.active);
  const at::Tensor along = output.columns.div(output.norms.to(type));
  auto shared = MultiplyInPieces(mask.mul(t.neg().add_(1).mul_(output.sigma).to(type)), mask.t(), problem_.should_stop);
  if (!shared.ok()) return shared.status();
  const at::Tensor hessian = shared->mul_(kernel_);
  const at::Tensor turned = at::mm(x, along).mul_(mask);
  auto along_blocks = MultiplyInPieces(turned.mul(t.mul(output.sigma).to(type)), turned.t(), problem_.should_stop);
  if (!along_blocks.ok()) return along_blocks.status();
  hessian.add_(*along_blocks);
  hessian.diagonal().add_(1);
  auto factor = CholeskyInPieces(hessian, problem_.should_stop);
  if (factor.ok() && !factor->defined()) {
    // Positive definite but for rounding.
    hessian.diagonal().add_(hessian.diagonal().max().mul(16 * RoundoffOf(x)));
    factor = CholeskyInPieces(hessian, problem_.should_stop);
  }
  if (!factor.ok()) return factor.status();
  if (!factor->defined()) return absl::AbortedError("a Hessian is not positive definite at this precision");
  return at::cholesky_solve(output.gradient.neg(), *factor);
}

absl::Status Newton::Direction(Output* output, at::Tensor* direction) {
  if (output->active.size(0) == 0) {
    *direction = output->gradient.neg();
    return absl::OkStatus();
  }
  if (!output->factors) {
    const auto n = static_cast<double>(map_.rows()), d = static_cast<double>(map_.inputs());
    const auto active = static_cast<double>(output->active.size(0));
    const double product = 4 * n * d * active, factor = 4 * n * n * active + n * n * n / 3;
    const auto most = static_cast<std::int64_t>(std::min(n, kShareOfFactor * factor / product));
    const double relative =
        LengthOf(output->gradient) / std::max(LengthOf(output->target), std::numeric_limits<double>::min());
    *direction = ConjugateGradients(*output, std::min(kLeastAccuracy, std::sqrt(relative)), most);
    if (direction->defined()) return absl::OkStatus();
    output->factors = true;
  }
  if (problem_.Stopped()) return absl::CancelledError("stopped before a factor");
  auto solved = Factored(*output);
  if (!solved.ok()) return solved.status();
  *direction = *std::move(solved);
  return absl::OkStatus();
}

double Newton::Search(Output* output, const at::Tensor& direction) const {
  const at::Tensor change = map_.Adjoint(direction);
  const double sigma = output->sigma, threshold = sigma * problem_.beta;
  const at::Tensor all = at::add(output->weights, output->product, sigma);
  // ‖w + ασ Fᵀd‖² of every block, and ½‖ν + αd‖² − yᵀ(ν + αd), are parabolas.
  const at::Tensor square = ColumnDots(all, all), cross = ColumnDots(all, change).mul_(2 * sigma);
  const at::Tensor bend = ColumnDots(change, change).mul_(sigma * sigma);
  const double along = InnerProduct(output->dual.sub(output->target), direction),
               curve = InnerProduct(direction, direction);
  const auto value = [&](double step) {
    const at::Tensor norms = at::add(square, cross, step).add_(bend, step * step).clamp_min_(0).sqrt_();
    return step * along + 0.5 * step * step * curve +
           norms.sub_(threshold).clamp_min_(0).square_().sum().item<double>() / (2 * sigma);
  };
  const double slope = InnerProduct(output->gradient, direction), here = value(0);
  // What ψ itself is rounded to.
  const double rounding =
      8 * RoundoffOf(output->target) * (std::abs(here) + 0.5 * InnerProduct(output->target, output->target));
  double step = 1;
  while (step > kLeastShareOfStep && !(value(step) <= here + kSufficientDecrease * step * slope + rounding)) step /= 2;
  if (!(step > kLeastShareOfStep) || !std::isfinite(slope) || slope > 0) return 0;
  output->dual = output->dual.add(direction, step);
  output->product = output->product.add(change, step);
  Evaluate(output);
  return step;
}

absl::Status Newton::Step(LowerBound& bound) {
  // Tensors are replaced, not changed.
  const std::vector<Output> before = outputs_;
  const double step_before = std::exchange(step_size_, 0);
  for (Output& output : outputs_) {
    const double sigma = output.sigma;
    if (IsSmall(output)) MoveOn(&output);
    at::Tensor direction;
    if (absl::Status status = Direction(&output, &direction); !status.ok()) {
      if (absl::IsCancelled(status)) {
        outputs_ = before;
        step_size_ = step_before;
      }
      return status;
    }
    double step = Search(&output, direction);
    if (step == 0 && sigma == output.sigma) {
      MoveOn(&output);
      step = std::numeric_limits<double>::min();  // the multipliers have moved
    }
    step_size_ = std::max(step_size_, step);
    if (!output.gradient.isfinite().all().item<bool>()) return absl::InternalError("Newton: an iterate is not finite");
  }
  if (step_size_ == 0) return absl::AbortedError("no step lowers the augmented Lagrangian");
  SetIterate();
  std::vector<at::Tensor> duals, products;
  for (const Output& output : outputs_) {
    duals.push_back(output.dual);
    products.push_back(output.product);
  }
  bound.Offer(at::cat(duals, 1), at::stack(products, 2).flatten(1));
  return absl::OkStatus();
}

void Newton::SetIterate() {
  const auto count = static_cast<std::int64_t>(outputs_.size());
  const auto options = problem_.targets.options();
  iterate_.weights = at::zeros({map_.inputs(), map_.patterns(), count}, options);
  iterate_.outputs = at::empty_like(problem_.targets);
  for (std::int64_t k = 0; k < count; ++k) {
    const Output& output = outputs_[static_cast<std::size_t>(k)];
    iterate_.weights.select(2, k).index_copy_(1, output.active, output.shrunk);
    iterate_.outputs.narrow(1, k, 1).copy_(output.outputs);
  }
  iterate_.weights = iterate_.weights.flatten(1);
  iterate_.norms = ColumnNorms(iterate_.weights);
  iterate_.terms = iterate_.norms;
}

void Newton::Save(const std::string& prefix, descent::State* state) const {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const std::string name = absl::StrCat(prefix, k, "/");
    SaveMatrix(name + "dual", outputs_[k].dual, state);
    SaveMatrix(name + "product", outputs_[k].product, state);
    SaveMatrix(name + "weights", outputs_[k].weights, state);
    (*state)[name + "sigma"] = outputs_[k].sigma;
    (*state)[name + "factors"] = std::int64_t{outputs_[k].factors};
  }
}

absl::Status Newton::Load(descent::StateReader* reader) {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const std::string name = absl::StrCat(k, "/");
    Output& output = outputs_[k];
    output.dual = reader->TensorLike(name + "dual", output.dual);
    output.product = reader->TensorLike(name + "product", output.product);
    output.weights = reader->TensorLike(name + "weights", output.weights);
    output.sigma = reader->Number(name + "sigma");
    output.factors = reader->Integer(name + "factors") != 0;
    if (!reader->status().ok()) return reader->status();
    Evaluate(&output);
  }
  SetIterate();
  return absl::OkStatus();
}

}  // namespace cvxnn::convex
