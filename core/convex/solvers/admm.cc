// SPDX-License-Identifier: Apache-2.0
// One epoch of ADMM; see admm.h for the method and its sources.
#include "core/convex/solvers/admm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/convex/solve_state.h"
#include "core/network/loss_function.h"

namespace cvxnn::convex {
namespace {

constexpr double kRelaxation = 1.6;
// Epochs between looks at the balance: at least this many, and more where a factor costs more than they do.
constexpr std::int64_t kMinBalanceInterval = 10;
constexpr std::int64_t kFirstIntervals = 2;
// Each look waits this much longer than the one before, so that ρ settles and ADMM's convergence theory applies.
constexpr double kIntervalGrowth = 1.5;
// Ratios of residuals that are left alone, and the largest change of a ρ at once.
constexpr double kTolerated = 2;
constexpr double kLargestChange = 10;
// Flops of a certificate below which a certificate each epoch costs nothing worth saving.
constexpr double kCheapCertificateFlops = 1e8;
constexpr std::int64_t kCertificateInterval = 5;
// The first ρ₂ is kMostRho2 at this share of β_max and above, and falls with the power of β below. What served best of
// fixed ones: 10, 3.5 and 0.2 at β = 0.1, 0.01 and 0.001 β_max of 1,000 Gaussian rows, 1.5 at 0.01 β_max of images.
constexpr double kLargeBetaShare = 0.1;
constexpr double kRho2Power = 0.75;
// A gap may be so many times the distance from the cones, and the distance so many times the gap, before ρ₂ changes, by
// at most the third, within the last two.
constexpr double kLargestGap = 16;
constexpr double kLargestDistance = 2;
constexpr double kLargestConeChange = 2;
// Gaps above this, early on, tell nothing of ρ₂.
constexpr double kTellingGap = 0.1;
constexpr double kLeastRho2 = 0.1;
constexpr double kMostRho2 = 10;
// ρ₃ for a loss with a kink: its prox then moves a margin by 1, the width of the hinge, at most.
constexpr double kFirstRho3 = 0.5;

double Norm(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
}

// What brings the rows of X to one length, their root mean square, so that ‖·‖_F stays; 1 for zero rows.
at::Tensor ToOneLength(const at::Tensor& x) {
  const at::Tensor lengths = at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, /*keepdim=*/true);
  const at::Tensor mean = lengths.square().mean().sqrt_();
  return at::where(lengths > 0, mean.div(lengths), at::ones_like(lengths));
}

// By what a ρ is to change for residuals to come closer.
double Change(double primal, double dual) {
  if (!(primal > 0) || !(dual > 0)) return 1;
  const double ratio = primal / dual;
  if (ratio < kTolerated && ratio > 1 / kTolerated) return 1;
  return std::clamp(std::sqrt(ratio), 1 / kLargestChange, kLargestChange);
}

double Relative(double residual, double size) { return size > 0 ? residual / size : (residual > 0 ? 1 : 0); }

}  // namespace

Admm::Admm(HalfSumProblem problem, bool cones, KernelSolve kernel, std::int64_t memory)
    : problem_(std::move(problem)),
      loss_(*DualOf(problem_.loss)),
      cones_(cones),
      signs_(cones ? 2 : 1),
      lengths_(cones ? ToOneLength(problem_.map.features()) : at::Tensor()),
      factors_(problem_.map, lengths_, kernel),
      accelerated_(memory > 0 && std::isfinite(loss_.Curvature())),
      anderson_(accelerated_ ? memory : 0) {}

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
  if (cones_ && !HasOutputSplit() && problem_.penalty.conjugate() == Conjugate::kBall) rho2_ = FirstRho2();
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
  next_balance_ = kFirstIntervals * balance_interval_;
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

double Admm::FirstRho2() const {
  const double beta_max = problem_.penalty.DualNorms(problem_.correlations, at::Tensor()).max().item<double>();
  const double share = problem_.beta / beta_max / kLargeBetaShare;
  return std::clamp(kMostRho2 * std::pow(share, kRho2Power), kLeastRho2, kMostRho2);
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
  if (cones_) s_ = OnCones(at::mm(map.features(), start.weights).mul_(lengths_));
  if (HasOutputSplit()) r_ = map.Apply(Difference(start.weights));
  if (cones_ && !start.state.multipliers.defined()) return;
  outputs_ = HasOutputSplit() ? r_ : map.Apply(Difference(start.weights));
  const at::Tensor nu = FunctionOf(problem_.loss).Gradient(outputs_, problem_.targets).mul_(-0.5);
  if (HasOutputSplit()) e_ = nu.div(-rho3_);
  at::Tensor row_side = Spread(nu);
  if (cones_) {
    const at::Tensor multipliers = OnCones(start.state.multipliers);
    b_ = multipliers.div(lengths_).div_(-rho2_);
    row_side.add_(multipliers);
  }
  a_ = at::mm(map.features().t(), row_side).div_(rho1_);
}

SolverState Admm::state() const {
  return {cones_ ? b_.mul(lengths_).mul_(-rho2_) : at::Tensor(), rho1_, rho2_, HasOutputSplit() ? rho3_ : 0};
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

at::Tensor Admm::SolveWeights() {
  const auto& map = problem_.map;
  const at::Tensor& x = map.features();
  const std::int64_t n = map.rows(), blocks = map.blocks(), outputs = map.outputs(), patterns = map.patterns();
  // Divided by ρ₃, the right-hand side is Fᵀ(r − e) + ρ₁(z − a) + ρ₂Gᵀ(s − b).
  at::Tensor right = iterate_.weights.sub(a_).mul_(rho1_ / rho3_), row_side;
  if (HasOutputSplit()) {
    row_side = Spread(r_.sub(e_));
  } else {
    right.narrow(1, 0, blocks).add_(problem_.correlations);
    if (cones_) right.narrow(1, blocks, blocks).sub_(problem_.correlations);
  }
  if (cones_) {
    const at::Tensor pull = s_.sub(b_).mul_(lengths_.mul(rho2_ / rho3_));
    row_side = row_side.defined() ? row_side.add_(pull) : pull;
  }
  if (row_side.defined()) right.addmm_(x.t(), row_side);
  // F M⁻¹ b needs the difference of the pair only.
  at::Tensor smooth = factors_.Smoothed(Difference(right));
  smooth.view({n, patterns, outputs}).mul_(sign_mask_.select(1, 0));
  outputs_ = factors_.SolveRows(smooth.view({n, patterns, outputs}).sum(1), outputs_);
  correction_ = map.Adjoint(outputs_);
  right.narrow(1, 0, blocks).sub_(correction_);
  if (cones_) right.narrow(1, blocks, blocks).add_(correction_);
  return factors_.Inverse(right);
}

at::Tensor Admm::Pack(const at::Tensor& weights, const at::Tensor& cones, const at::Tensor& outputs) const {
  std::vector<at::Tensor> parts{weights.mul(std::sqrt(rho1_)).view(-1)};
  if (cones_) parts.push_back(cones.mul(std::sqrt(rho2_)).view(-1));
  if (HasOutputSplit()) parts.push_back(outputs.mul(std::sqrt(rho3_)).view(-1));
  return parts.size() == 1 ? parts[0] : at::cat(parts);
}

void Admm::Accelerate(at::Tensor& weights, at::Tensor& cones, at::Tensor& outputs) {
  const at::Tensor image = Pack(weights, cones, outputs);
  const at::Tensor next = anderson_.Next(point_, image);
  if (!next.is_same(image)) {
    std::int64_t begin = 0;
    const auto unpack = [&](at::Tensor& part, double rho) {
      part = next.narrow(0, begin, part.numel()).view(part.sizes()).div(std::sqrt(rho));
      begin += part.numel();
    };
    unpack(weights, rho1_);
    if (cones_) unpack(cones, rho2_);
    if (HasOutputSplit()) unpack(outputs, rho3_);
  }
  point_ = next;
}

absl::Status Admm::Step(LowerBound& bound) {
  const auto& map = problem_.map;
  const at::Tensor u = SolveWeights();
  const at::Tensor products = cones_ ? at::mm(map.features(), u).mul_(lengths_) : at::Tensor();
  if (accelerated_ && !point_.defined()) {
    point_ = Pack(iterate_.weights.add(a_), cones_ ? s_.add(b_) : s_, HasOutputSplit() ? r_.add(e_) : r_);
  }
  at::Tensor weight_point = at::lerp(iterate_.weights, u, kRelaxation).add_(a_), cone_point, output_point;
  if (cones_) cone_point = at::lerp(s_, products, kRelaxation).add_(b_);
  if (HasOutputSplit()) output_point = at::lerp(r_, outputs_, kRelaxation).add_(e_);
  if (accelerated_) Accelerate(weight_point, cone_point, output_point);

  const Residuals weights = UpdateWeights(u, weight_point);
  const Residuals cones = cones_ ? UpdateCones(products, cone_point) : Residuals();
  const Residuals split = HasOutputSplit() ? UpdateOutputs(output_point) : Residuals();
  ++epoch_;
  const double certificate_flops =
      4 * static_cast<double>(map.rows()) * static_cast<double>(map.inputs() * map.blocks());
  if (certificate_flops <= kCheapCertificateFlops || epoch_ % kCertificateInterval == 0) OfferDualPoint(bound);
  return epoch_ >= next_balance_ ? Balance(weights, cones, split) : absl::OkStatus();
}

Admm::Residuals Admm::UpdateWeights(const at::Tensor& u, const at::Tensor& point) {
  const at::Tensor z = std::move(iterate_.weights);
  const PenalizedPoint shrunk = problem_.penalty.Prox(point, problem_.beta / rho1_);
  a_ = point.sub(shrunk.weights);
  iterate_ = {shrunk.weights, shrunk.norms, at::Tensor(), shrunk.terms};
  // Without a penalty a is 0, and nothing to balance.
  if (problem_.penalty.conjugate() == Conjugate::kSubspace) return {};
  return {Relative(Norm(u.sub(shrunk.weights)), std::max(Norm(u), Norm(shrunk.weights))),
          Relative(Norm(shrunk.weights.sub(z)), Norm(a_))};
}

// Rows of the pattern keep what is positive, the others what is negative.
Admm::Residuals Admm::UpdateCones(const at::Tensor& products, const at::Tensor& point) {
  const at::Tensor s = OnCones(point);
  b_ = point.sub(s);
  const Residuals residuals{Relative(Norm(products.sub(s)), std::max(Norm(products), Norm(s))),
                            Relative(Norm(s.sub(s_)), Norm(b_))};
  s_ = s;
  return residuals;
}

Admm::Residuals Admm::UpdateOutputs(const at::Tensor& point) {
  const at::Tensor r = loss_.Prox(point, problem_.targets, rho3_);
  e_ = point.sub(r);
  const Residuals residuals{Relative(Norm(outputs_.sub(r)), std::max(Norm(outputs_), Norm(r))),
                            Relative(Norm(r.sub(r_)), Norm(e_))};
  r_ = r;
  return residuals;
}

void Admm::OfferDualPoint(LowerBound& bound) {
  const auto& map = problem_.map;
  const std::int64_t n = map.rows(), blocks = map.blocks();
  at::Tensor nu = problem_.targets.sub(outputs_);
  // Rounding may carry ν over the edge of its domain; the row side must be that of the ν which counts.
  if (HasOutputSplit()) nu = loss_.IntoDomain(e_.mul(-rho3_), problem_.targets);
  const at::Tensor masked = (nu.view({n, 1, map.outputs()}) * sign_mask_.select(1, 0)).view({n, blocks});
  if (!cones_) {
    // In float32 offers are estimates, and products at hand do.
    const bool at_hand = !HasOutputSplit() && nu.scalar_type() == at::kFloat;
    bound.Offer(nu, at_hand ? problem_.correlations.sub(correction_) : at::mm(map.features().t(), masked));
    return;
  }
  at::Tensor row_side = b_.mul(lengths_.mul(-rho2_));
  row_side.narrow(1, 0, blocks).add_(masked);
  row_side.narrow(1, blocks, blocks).sub_(masked);
  // Rounding is monotone: adding a multiplier never crosses ±ν, so even the rounded rows have multipliers >= 0.
  bound.Offer(nu, at::mm(map.features().t(), row_side), row_side);
}

// An objective below the bound is the work of violations too.
void Admm::Judge(double violation, double gap) {
  distance_ = std::max(violation, -gap);
  gap_ = std::max(gap, 0.0);
}

double Admm::ConeChange(const Residuals& cones) const {
  if (HasOutputSplit() || problem_.penalty.conjugate() != Conjugate::kBall || distance_ < 0) {
    return Change(cones.primal, cones.dual);
  }
  const double gap = std::min(gap_, kTellingGap);
  double change = 1;
  if (distance_ > kLargestDistance * gap) {
    change = gap > 0 ? std::sqrt(distance_ / gap) : kLargestConeChange;
  } else if (gap > kLargestGap * distance_ && (distance_ > 0 || gap_ < kTellingGap)) {
    change = std::sqrt(kLargestDistance * distance_ / gap);
  }
  change = std::clamp(change, 1 / kLargestConeChange, kLargestConeChange);
  return std::clamp(rho2_ * change, std::min(rho2_, kLeastRho2), std::max(rho2_, kMostRho2)) / rho2_;
}

absl::Status Admm::Balance(const Residuals& weights, const Residuals& cones, const Residuals& outputs) {
  balance_interval_ = static_cast<std::int64_t>(std::ceil(kIntervalGrowth * static_cast<double>(balance_interval_)));
  next_balance_ = epoch_ + balance_interval_;
  const double change2 = cones_ ? ConeChange(cones) : 1, change3 = Change(outputs.primal, outputs.dual);
  rho2_ *= change2;
  rho3_ *= change3;
  const double change1 = std::max(Change(weights.primal, weights.dual), LeastRho1() / rho1_);
  if (change1 == 1 && change2 == 1 && change3 == 1) return absl::OkStatus();
  rho1_ *= change1;
  a_.div_(change1);
  if (cones_) b_.div_(change2);
  if (HasOutputSplit()) e_.div_(change3);
  anderson_.Forget();
  point_.reset();
  return Factor();
}

void Admm::Save(const std::string& prefix, descent::State* state) const {
  SaveMatrix(prefix + "weights", iterate_.weights, state);
  (*state)[prefix + "norms"] = iterate_.norms;
  (*state)[prefix + "terms"] = iterate_.terms;
  for (const auto& [name, matrix] :
       {std::pair{"a", &a_}, {"s", &s_}, {"b", &b_}, {"r", &r_}, {"e", &e_}, {"outputs", &outputs_}}) {
    SaveMatrix(prefix + name, *matrix, state);
  }
  if (point_.defined()) SaveMatrix(prefix + "point", point_.unsqueeze(0), state);
  anderson_.Save(prefix + "anderson/", state);
  (*state)[prefix + "distance"] = distance_;
  (*state)[prefix + "gap"] = gap_;
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
  iterate_.terms = reader->TensorOfAnySize("terms", 1, wide);
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
  point_ = LoadMatrix("point", like, reader);
  if (point_.defined()) point_ = point_.squeeze(0);
  descent::StateReader anderson = reader->Below("anderson/");
  anderson_.Load(like, &anderson);
  if (!anderson.status().ok()) return anderson.status();
  distance_ = reader->Number("distance");
  gap_ = reader->Number("gap");
  rho1_ = reader->Number("rho1");
  rho2_ = reader->Number("rho2");
  rho3_ = reader->Number("rho3");
  epoch_ = reader->Integer("epoch");
  next_balance_ = reader->Integer("next_balance");
  balance_interval_ = reader->Integer("balance_interval");
  return reader->status().ok() ? Factor() : reader->status();
}

}  // namespace cvxnn::convex
