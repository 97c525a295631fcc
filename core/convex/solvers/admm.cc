// SPDX-License-Identifier: Apache-2.0
// One epoch of ADMM; see admm.h for the method and its sources.
#include "core/convex/solvers/admm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/convex/group_l2.h"

namespace cvxnn::convex {
namespace {

constexpr double kRelaxation = 1.6;
// Epochs between looks at the balance: at least this many, and more where a factor costs more than they do.
constexpr std::int64_t kMinBalanceInterval = 10;
// Each look waits this much longer than the one before, so that ρ settles and ADMM's convergence theory applies.
constexpr double kIntervalGrowth = 1.3;
// Ratios of residuals that are left alone, and the largest change of a ρ at once.
constexpr double kTolerated = 2;
constexpr double kLargestChange = 10;
// Flops of a certificate below which a certificate each epoch costs nothing worth saving.
constexpr double kCheapCertificateFlops = 1e8;
constexpr std::int64_t kCertificateInterval = 5;

double Norm(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
}

double Relative(double residual, double size) { return size > 0 ? residual / size : (residual > 0 ? 1 : 0); }

}  // namespace

Admm::Admm(HalfSumProblem problem) : problem_(std::move(problem)), factors_(problem_.map) {}

at::Tensor Admm::Unmasked(const at::Tensor& row_side) const {
  const auto& map = problem_.map;
  return row_side.view({map.rows(), 2, map.patterns(), map.outputs()});
}

absl::Status Admm::SetUp() {
  const auto& map = problem_.map;
  const auto options = map.features().options();
  const std::int64_t columns = 2 * map.blocks();
  sign_mask_ = map.mask().view({map.rows(), 1, map.patterns(), 1});
  outputs_ = at::zeros_like(problem_.targets);
  a_ = at::zeros({map.inputs(), columns}, options);
  s_ = at::zeros({map.rows(), columns}, options);
  b_ = at::zeros({map.rows(), columns}, options);
  iterate_.weights = at::zeros({map.inputs(), columns}, options);
  iterate_.norms = at::zeros({columns}, options.dtype(at::kDouble));

  // ρ₂ multiplies a Gram matrix like the loss does, so it has no unit. ρ₁ is such that the prox threshold β/ρ₁ matches
  // weights of the size that the objective at zero, ½‖Y‖², allows: Σ_j ‖u_j‖ <= ‖Y‖²/(2β) over 2·P·c blocks.
  const double targets = Norm(problem_.targets);
  rho2_ = 1;
  rho1_ = 4 * static_cast<double>(map.blocks()) * problem_.beta * problem_.beta / (targets * targets);
  if (problem_.start != nullptr && problem_.start->state.rho1 > 0 && problem_.start->state.rho2 > 0) {
    rho1_ = problem_.start->state.rho1;
    rho2_ = problem_.start->state.rho2;
  }
  rho1_ = std::max(rho1_, LeastRho1());
  if (problem_.start != nullptr) Begin(*problem_.start);
  balance_interval_ = std::max(kMinBalanceInterval,
                               static_cast<std::int64_t>(std::ceil(factors_.FactorFlops() / factors_.EpochFlops())));
  next_balance_ = kMinBalanceInterval;
  return factors_.Factor(rho1_, rho2_, problem_.should_stop);
}

at::Tensor Admm::OnCones(const at::Tensor& row_side) const {
  const at::Tensor unmasked = Unmasked(row_side);
  return at::where(sign_mask_, unmasked.clamp_min(0), unmasked.clamp_max(0)).view(row_side.sizes());
}

at::Tensor Admm::Spread(const at::Tensor& nu) const {
  const auto& map = problem_.map;
  const at::Tensor positive = (nu.view({map.rows(), 1, map.outputs()}) * sign_mask_.select(1, 0)).flatten(1);
  return at::cat({positive, positive.neg()}, 1);
}

// z and s from the weights; the duals from the multipliers, and from the stationarity of u at this point,
// −Fᵀν + ρ₁a + ρ₂Xᵀb = 0.
void Admm::Begin(const SolverStart& start) {
  const auto& map = problem_.map;
  iterate_.weights = start.weights;
  iterate_.norms = ColumnNorms(start.weights);
  s_ = OnCones(at::mm(map.features(), start.weights));
  if (!start.state.multipliers.defined()) return;
  const at::Tensor multipliers = OnCones(start.state.multipliers);
  b_ = multipliers.div(-rho2_);
  const at::Tensor pair =
      start.weights.narrow(1, 0, map.blocks()).sub(start.weights.narrow(1, map.blocks(), map.blocks()));
  outputs_ = map.Apply(pair);
  a_ = at::mm(map.features().t(), Spread(problem_.targets.sub(outputs_)).add_(multipliers)).div_(rho1_);
}

SolverState Admm::state() const { return {b_.mul(-rho2_), rho1_, rho2_}; }

double Admm::LeastRho1() const {
  const at::Tensor& x = problem_.map.features();
  const double epsilon =
      x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const double size = Norm(x);
  return 4 * epsilon * rho2_ * size * size;
}

absl::Status Admm::Step(LowerBound& bound) {
  const auto& map = problem_.map;
  const at::Tensor& x = map.features();
  const std::int64_t n = map.rows(), blocks = map.blocks(), outputs = map.outputs(), patterns = map.patterns();

  // u-step. Right-hand side FᵀY + ρ₁(z − a) + ρ₂Xᵀ(s − b), with FᵀY folded into the product with Xᵀ.
  const at::Tensor targets = (problem_.targets.view({n, 1, outputs}) * sign_mask_.select(1, 0)).view({n, blocks});
  at::Tensor row_side = s_.sub(b_).mul_(rho2_);
  row_side.narrow(1, 0, blocks).add_(targets);
  row_side.narrow(1, blocks, blocks).sub_(targets);
  at::Tensor right = iterate_.weights.sub(a_).mul_(rho1_);
  right.addmm_(x.t(), row_side);
  // F M⁻¹ b needs the difference of the pair only.
  at::Tensor smooth = at::mm(factors_.smoothed(), right.narrow(1, 0, blocks).sub(right.narrow(1, blocks, blocks)));
  smooth.view({n, patterns, outputs}).mul_(sign_mask_.select(1, 0));
  outputs_ = factors_.SolveRows(smooth.view({n, patterns, outputs}).sum(1));
  const at::Tensor correction = map.Adjoint(outputs_);
  right.narrow(1, 0, blocks).sub_(correction);
  right.narrow(1, blocks, blocks).add_(correction);
  const at::Tensor u = at::mm(factors_.inverse(), right);
  const at::Tensor products = at::mm(x, u);

  // z-step and its dual.
  const at::Tensor z = std::move(iterate_.weights);
  const at::Tensor relaxed_u = at::lerp(z, u, kRelaxation);
  a_.add_(relaxed_u);
  auto shrunk = ShrinkColumns(a_, problem_.beta / rho1_);
  a_.sub_(shrunk.weights);
  const Residuals weights{Relative(Norm(u.sub(shrunk.weights)), std::max(Norm(u), Norm(shrunk.weights))),
                          Relative(Norm(shrunk.weights.sub(z)), Norm(a_))};
  iterate_ = {shrunk.weights, shrunk.norms, at::Tensor()};

  // s-step and its dual: rows of the pattern keep what is positive, the others what is negative.
  b_.add_(at::lerp(s_, products, kRelaxation));
  const at::Tensor s = OnCones(b_);
  b_.sub_(s);
  const Residuals cones{Relative(Norm(products.sub(s)), std::max(Norm(products), Norm(s))),
                        Relative(Norm(s.sub(s_)), Norm(b_))};
  s_ = s;

  ++epoch_;
  const double certificate_flops = 4 * static_cast<double>(n) * static_cast<double>(map.inputs() * blocks);
  if (certificate_flops <= kCheapCertificateFlops || epoch_ % kCertificateInterval == 0) OfferDualPoint(bound);
  return epoch_ >= next_balance_ ? Balance(weights, cones) : absl::OkStatus();
}

void Admm::OfferDualPoint(LowerBound& bound) const {
  const at::Tensor nu = problem_.targets.sub(outputs_);
  // Rounding is monotone: adding a multiplier never crosses ±ν, so even the rounded rows have multipliers >= 0.
  const at::Tensor row_side = Spread(nu).sub_(b_, rho2_);
  bound.Offer(nu, at::mm(problem_.map.features().t(), row_side), row_side);
}

absl::Status Admm::Balance(const Residuals& weights, const Residuals& cones) {
  const auto change = [](const Residuals& residuals) {
    if (!(residuals.primal > 0) || !(residuals.dual > 0)) return 1.0;
    const double ratio = residuals.primal / residuals.dual;
    if (ratio < kTolerated && ratio > 1 / kTolerated) return 1.0;
    return std::clamp(std::sqrt(ratio), 1 / kLargestChange, kLargestChange);
  };
  balance_interval_ = static_cast<std::int64_t>(std::ceil(kIntervalGrowth * static_cast<double>(balance_interval_)));
  next_balance_ = epoch_ + balance_interval_;
  const double change2 = change(cones);
  rho2_ *= change2;
  const double change1 = std::max(change(weights), LeastRho1() / rho1_);
  if (change1 == 1 && change2 == 1) return absl::OkStatus();
  rho1_ *= change1;
  a_.div_(change1);
  b_.div_(change2);
  return factors_.Factor(rho1_, rho2_, problem_.should_stop);
}

}  // namespace cvxnn::convex
