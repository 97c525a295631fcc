// SPDX-License-Identifier: Apache-2.0
// One epoch of ADMM; see admm.h for the method and its sources.
#include "core/convex/solvers/admm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/convex/solve_state.h"
#include "core/network/loss_function.h"

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
// ρ₃ for a loss with a kink: its prox then moves a margin by 1, the width of the hinge, at most.
constexpr double kFirstRho3 = 0.5;

double Norm(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
}

double Relative(double residual, double size) { return size > 0 ? residual / size : (residual > 0 ? 1 : 0); }

}  // namespace

Admm::Admm(HalfSumProblem problem, bool cones, KernelSolve kernel)
    : problem_(std::move(problem)),
      loss_(*DualOf(problem_.loss)),
      cones_(cones),
      signs_(cones ? 2 : 1),
      factors_(problem_.map, static_cast<int>(signs_), kernel) {}

at::Tensor Admm::Unmasked(const at::Tensor& row_side) const {
  const auto& map = problem_.map;
  return row_side.view({map.rows(), signs_, map.patterns(), map.outputs()});
}

absl::Status Admm::SetUp() {
  const auto& map = problem_.map;
  const auto options = map.features().options();
  const std::int64_t columns = signs_ * map.blocks();
  sign_mask_ = map.mask().view({map.rows(), 1, map.patterns(), 1});
  outputs_ = at::zeros_like(problem_.targets);
  a_ = at::zeros({map.inputs(), columns}, options);
  if (cones_) {
    s_ = at::zeros({map.rows(), columns}, options);
    b_ = at::zeros({map.rows(), columns}, options);
  }
  if (HasOutputSplit()) {
    r_ = at::zeros_like(problem_.targets);
    e_ = at::zeros_like(problem_.targets);
  }
  iterate_.weights = at::zeros({map.inputs(), columns}, options);
  iterate_.norms = at::zeros({columns}, options.dtype(at::kDouble));
  iterate_.terms = at::zeros({0}, options.dtype(at::kDouble));

  // ρ₂ multiplies a Gram matrix like the loss does, so it has no unit. ρ₃ is the curvature of the loss, where it has
  // one; that of the squared loss, 1, is ρ₃ itself.
  rho2_ = cones_ ? 1 : 0;
  rho3_ = std::isfinite(loss_.Curvature()) ? loss_.Curvature() : kFirstRho3;
  rho1_ = FirstRho1();
  const SolverState state = problem_.start != nullptr ? problem_.start->state : SolverState();
  if (state.rho1 > 0 && (state.rho2 > 0) == cones_ && (state.rho3 > 0) == HasOutputSplit()) {
    rho1_ = state.rho1;
    rho2_ = state.rho2;
    if (HasOutputSplit()) rho3_ = state.rho3;
  }
  rho1_ = std::max(rho1_, LeastRho1());
  if (problem_.start != nullptr) Begin(*problem_.start);
  balance_interval_ = std::max(kMinBalanceInterval,
                               static_cast<std::int64_t>(std::ceil(factors_.FactorFlops() / factors_.EpochFlops())));
  next_balance_ = kMinBalanceInterval;
  return Factor();
}

double Admm::LossAtZero() const {
  return FunctionOf(problem_.loss).Sum(at::zeros_like(problem_.targets), problem_.targets).item<double>();
}

double Admm::FirstRho1() const {
  const auto& map = problem_.map;
  switch (problem_.penalty.conjugate()) {
    case Conjugate::kBall:
      // Such that the prox threshold β/ρ₁ matches weights of the size that the objective at zero, ½Σℓ, allows:
      // Σ_j ‖u_j‖ <= Σℓ/(2β) over 2·P·c blocks.
      return 4 * static_cast<double>(map.blocks()) * problem_.beta * problem_.beta / LossAtZero();
    case Conjugate::kQuadratic:
      return problem_.beta;
    case Conjugate::kSubspace:
      break;
  }
  // Without a penalty the split only damps: a share of the mean eigenvalue of XᵀX.
  const double size = Norm(map.features());
  return 0.01 * size * size / static_cast<double>(map.inputs());
}

at::Tensor Admm::OnCones(const at::Tensor& row_side) const {
  const at::Tensor unmasked = Unmasked(row_side);
  return at::where(sign_mask_, unmasked.clamp_min(0), unmasked.clamp_max(0)).view(row_side.sizes());
}

at::Tensor Admm::Spread(const at::Tensor& nu) const {
  const auto& map = problem_.map;
  const at::Tensor positive = (nu.view({map.rows(), 1, map.outputs()}) * sign_mask_.select(1, 0)).flatten(1);
  return cones_ ? at::cat({positive, positive.neg()}, 1) : positive;
}

at::Tensor Admm::Difference(const at::Tensor& weights) const {
  const std::int64_t blocks = problem_.map.blocks();
  return cones_ ? weights.narrow(1, 0, blocks).sub(weights.narrow(1, blocks, blocks)) : weights;
}

// z, s and r from the weights; the duals from the slope of the loss and the multipliers, and from the stationarity of u
// at this point, −Fᵀν + ρ₁a + ρ₂Xᵀb = 0.
void Admm::Begin(const SolverStart& start) {
  const auto& map = problem_.map;
  const PenalizedPoint point = problem_.penalty.Prox(start.weights, 0);
  iterate_.weights = point.weights;
  iterate_.norms = point.norms;
  iterate_.terms = point.terms;
  if (cones_) s_ = OnCones(at::mm(map.features(), start.weights));
  if (HasOutputSplit()) r_ = map.Apply(Difference(start.weights));
  if (cones_ && !start.state.multipliers.defined()) return;
  outputs_ = HasOutputSplit() ? r_ : map.Apply(Difference(start.weights));
  const at::Tensor nu = FunctionOf(problem_.loss).Gradient(outputs_, problem_.targets).mul_(-0.5);
  if (HasOutputSplit()) e_ = nu.div(-rho3_);
  at::Tensor row_side = Spread(nu);
  if (cones_) {
    const at::Tensor multipliers = OnCones(start.state.multipliers);
    b_ = multipliers.div(-rho2_);
    row_side.add_(multipliers);
  }
  a_ = at::mm(map.features().t(), row_side).div_(rho1_);
}

SolverState Admm::state() const {
  return {cones_ ? b_.mul(-rho2_) : at::Tensor(), rho1_, rho2_, HasOutputSplit() ? rho3_ : 0};
}

double Admm::LeastRho1() const {
  const at::Tensor& x = problem_.map.features();
  const double epsilon =
      x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const double size = Norm(x);
  // (XXᵀ) ∘ (DDᵀ) has no eigenvalue above P‖X‖².
  const double weight = cones_ ? rho2_ : rho3_ * static_cast<double>(problem_.map.patterns());
  return 4 * epsilon * weight * size * size;
}

absl::Status Admm::Factor() { return factors_.Factor(rho1_ / rho3_, rho2_ / rho3_, problem_.should_stop); }

absl::Status Admm::Step(LowerBound& bound) {
  const auto& map = problem_.map;
  const at::Tensor& x = map.features();
  const std::int64_t n = map.rows(), blocks = map.blocks(), outputs = map.outputs(), patterns = map.patterns();

  // u-step, divided by ρ₃. Right-hand side Fᵀ(r − e) + ρ₁(z − a) + ρ₂Xᵀ(s − b), with the first folded into the product
  // with Xᵀ.
  const at::Tensor anchor = HasOutputSplit() ? r_.sub(e_) : problem_.targets;
  const at::Tensor masked = (anchor.view({n, 1, outputs}) * sign_mask_.select(1, 0)).view({n, blocks});
  at::Tensor row_side = masked;
  if (cones_) {
    row_side = s_.sub(b_).mul_(rho2_ / rho3_);
    row_side.narrow(1, 0, blocks).add_(masked);
    row_side.narrow(1, blocks, blocks).sub_(masked);
  }
  at::Tensor right = iterate_.weights.sub(a_).mul_(rho1_ / rho3_);
  right.addmm_(x.t(), row_side);
  // F M⁻¹ b needs the difference of the pair only.
  at::Tensor smooth = at::mm(factors_.smoothed(), Difference(right));
  smooth.view({n, patterns, outputs}).mul_(sign_mask_.select(1, 0));
  outputs_ = factors_.SolveRows(smooth.view({n, patterns, outputs}).sum(1), outputs_);
  const at::Tensor correction = map.Adjoint(outputs_);
  right.narrow(1, 0, blocks).sub_(correction);
  if (cones_) right.narrow(1, blocks, blocks).add_(correction);
  const at::Tensor u = at::mm(factors_.inverse(), right);

  const Residuals weights = UpdateWeights(u);
  const Residuals cones = cones_ ? UpdateCones(u) : Residuals();
  const Residuals split = HasOutputSplit() ? UpdateOutputs() : Residuals();
  ++epoch_;
  const double certificate_flops = 4 * static_cast<double>(n) * static_cast<double>(map.inputs() * blocks);
  if (certificate_flops <= kCheapCertificateFlops || epoch_ % kCertificateInterval == 0) OfferDualPoint(bound);
  return epoch_ >= next_balance_ ? Balance(weights, cones, split) : absl::OkStatus();
}

Admm::Residuals Admm::UpdateWeights(const at::Tensor& u) {
  const at::Tensor z = std::move(iterate_.weights);
  a_.add_(at::lerp(z, u, kRelaxation));
  const PenalizedPoint shrunk = problem_.penalty.Prox(a_, problem_.beta / rho1_);
  a_.sub_(shrunk.weights);
  iterate_ = {shrunk.weights, shrunk.norms, at::Tensor(), shrunk.terms};
  // Without a penalty a is 0, and nothing to balance.
  if (problem_.penalty.conjugate() == Conjugate::kSubspace) return {};
  return {Relative(Norm(u.sub(shrunk.weights)), std::max(Norm(u), Norm(shrunk.weights))),
          Relative(Norm(shrunk.weights.sub(z)), Norm(a_))};
}

// Rows of the pattern keep what is positive, the others what is negative.
Admm::Residuals Admm::UpdateCones(const at::Tensor& u) {
  const at::Tensor products = at::mm(problem_.map.features(), u);
  b_.add_(at::lerp(s_, products, kRelaxation));
  const at::Tensor s = OnCones(b_);
  b_.sub_(s);
  const Residuals residuals{Relative(Norm(products.sub(s)), std::max(Norm(products), Norm(s))),
                            Relative(Norm(s.sub(s_)), Norm(b_))};
  s_ = s;
  return residuals;
}

Admm::Residuals Admm::UpdateOutputs() {
  e_.add_(at::lerp(r_, outputs_, kRelaxation));
  const at::Tensor r = loss_.Prox(e_, problem_.targets, rho3_);
  e_.sub_(r);
  const Residuals residuals{Relative(Norm(outputs_.sub(r)), std::max(Norm(outputs_), Norm(r))),
                            Relative(Norm(r.sub(r_)), Norm(e_))};
  r_ = r;
  return residuals;
}

void Admm::OfferDualPoint(LowerBound& bound) const {
  const auto& map = problem_.map;
  const std::int64_t n = map.rows(), blocks = map.blocks();
  at::Tensor nu = problem_.targets.sub(outputs_);
  // Rounding may carry ν over the edge of its domain; the row side must be that of the ν which counts.
  if (HasOutputSplit()) nu = loss_.IntoDomain(e_.mul(-rho3_), problem_.targets);
  const at::Tensor masked = (nu.view({n, 1, map.outputs()}) * sign_mask_.select(1, 0)).view({n, blocks});
  if (!cones_) {
    bound.Offer(nu, at::mm(map.features().t(), masked));
    return;
  }
  at::Tensor row_side = b_.mul(-rho2_);
  row_side.narrow(1, 0, blocks).add_(masked);
  row_side.narrow(1, blocks, blocks).sub_(masked);
  // Rounding is monotone: adding a multiplier never crosses ±ν, so even the rounded rows have multipliers >= 0.
  bound.Offer(nu, at::mm(map.features().t(), row_side), row_side);
}

absl::Status Admm::Balance(const Residuals& weights, const Residuals& cones, const Residuals& outputs) {
  const auto change = [](const Residuals& residuals) {
    if (!(residuals.primal > 0) || !(residuals.dual > 0)) return 1.0;
    const double ratio = residuals.primal / residuals.dual;
    if (ratio < kTolerated && ratio > 1 / kTolerated) return 1.0;
    return std::clamp(std::sqrt(ratio), 1 / kLargestChange, kLargestChange);
  };
  balance_interval_ = static_cast<std::int64_t>(std::ceil(kIntervalGrowth * static_cast<double>(balance_interval_)));
  next_balance_ = epoch_ + balance_interval_;
  const double change2 = change(cones), change3 = change(outputs);
  rho2_ *= change2;
  rho3_ *= change3;
  const double change1 = std::max(change(weights), LeastRho1() / rho1_);
  if (change1 == 1 && change2 == 1 && change3 == 1) return absl::OkStatus();
  rho1_ *= change1;
  a_.div_(change1);
  if (cones_) b_.div_(change2);
  if (HasOutputSplit()) e_.div_(change3);
  return Factor();
}

void Admm::Save(const std::string& prefix, descent::State* state) const {
  SaveMatrix(prefix + "weights", iterate_.weights, state);
  (*state)[prefix + "norms"] = iterate_.norms;
  (*state)[prefix + "terms"] = iterate_.terms;
  (*state)[prefix + "terms.size"] = iterate_.terms.size(0);
  for (const auto& [name, matrix] :
       {std::pair{"a", &a_}, {"s", &s_}, {"b", &b_}, {"r", &r_}, {"e", &e_}, {"outputs", &outputs_}}) {
    SaveMatrix(prefix + name, *matrix, state);
  }
  (*state)[prefix + "rho1"] = rho1_;
  (*state)[prefix + "rho2"] = rho2_;
  (*state)[prefix + "rho3"] = rho3_;
  (*state)[prefix + "epoch"] = epoch_;
  (*state)[prefix + "next_balance"] = next_balance_;
  (*state)[prefix + "balance_interval"] = balance_interval_;
}

absl::Status Admm::Load(descent::StateReader* reader) {
  const auto like = problem_.targets.options(), wide = like.dtype(at::kDouble);
  iterate_.weights = reader->TensorLike("weights", iterate_.weights);
  iterate_.norms = reader->Tensor("norms", {iterate_.weights.size(1)}, wide);
  iterate_.terms = reader->Tensor("terms", {reader->Integer("terms.size")}, wide);
  // Steps change some of them in place.
  for (const auto& [name, matrix] : {std::pair<const char*, at::Tensor*>{"a", &a_},
                                     {"s", &s_},
                                     {"b", &b_},
                                     {"r", &r_},
                                     {"e", &e_},
                                     {"outputs", &outputs_}}) {
    const at::Tensor loaded = LoadMatrix(name, like, reader);
    *matrix = loaded.defined() ? loaded.clone() : at::Tensor();
  }
  rho1_ = reader->Number("rho1");
  rho2_ = reader->Number("rho2");
  rho3_ = reader->Number("rho3");
  epoch_ = reader->Integer("epoch");
  next_balance_ = reader->Integer("next_balance");
  balance_interval_ = reader->Integer("balance_interval");
  return reader->status().ok() ? Factor() : reader->status();
}

}  // namespace cvxnn::convex
