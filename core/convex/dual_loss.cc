// SPDX-License-Identifier: Apache-2.0
// Conjugates worked out by hand. For targets y = ±1 write t = 2yν, for one-hot targets q = y − 2ν:
//   squared         −L*(−ν) = νy − ½ν²
//   logistic        ½ (−t log t − (1 − t) log(1 − t)),  0 <= t <= 1
//   squared hinge   ½ (t − ¼t²),                        t >= 0
//   hinge           ½ t,                                0 <= t <= 1
//   cross-entropy   ½ (−Σ_k q_k log q_k),               q >= 0, Σ_k q_k = 1
// Proxes of losses of margins are worked out in the margin m = yf: the prox of y = ±1 at q is y times that at yq.
#include "core/convex/dual_loss.h"

#include <ATen/ATen.h>

#include <limits>

namespace cvxnn::convex {
namespace {

constexpr int kMaxNewtonSteps = 100;

at::Tensor Wide(const at::Tensor& x) { return x.to(at::kDouble); }

double Epsilon(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

class Squared : public DualLoss {
 public:
  double Curvature() const override { return 1; }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& /*targets*/) const override { return dual; }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor nu = Wide(dual);
    return nu.mul(Wide(targets)).sub_(nu.square(), 0.5).sum(0);
  }
  at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const override {
    return targets.add(point, rho).div_(1 + rho);
  }
};

class Logistic : public DualLoss {
 public:
  // ℓ'' = p(1 − p) <= ¼.
  double Curvature() const override { return 0.125; }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& targets) const override {
    return dual.mul(targets).clamp_(0, 0.5).mul_(targets);
  }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor t = Wide(dual).mul(Wide(targets)).mul_(2), rest = 1 - t;
    return at::xlogy(t, t).add_(at::xlogy(rest, rest)).sum(0).mul_(-0.5);
  }
  // The root of ρ(m' − m) = ½σ(−m'), which lies in [m, m + 1/(2ρ)]. Newton's method that halves the interval instead
  // where it would leave it, or step further than half of the step before (Press et al., Numerical Recipes,
  // section 9.4): for small ρ it would otherwise go to and fro between the flat parts.
  at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const override {
    const at::Tensor margin = point.mul(targets);
    at::Tensor low = margin, high = margin.add(0.5 / rho), root = low.add(high).mul_(0.5), moved = high.sub(low);
    for (int step = 0; step < kMaxNewtonSteps; ++step) {
      const at::Tensor share = root.neg().sigmoid();
      const at::Tensor excess = root.sub(margin).mul_(rho).sub_(share, 0.5);
      const at::Tensor above = excess > 0;
      high = at::where(above, root, high);
      low = at::where(above, low, root);
      const at::Tensor newton = root.sub(excess.div(share.mul(1 - share).mul_(0.5).add_(rho)));
      const at::Tensor trusted =
          (newton >= low).logical_and_(newton <= high).logical_and_(newton.sub(root).abs_() <= moved.mul(0.5));
      const at::Tensor next = at::where(trusted, newton, low.add(high).mul_(0.5));
      moved = next.sub(root).abs_();
      root = next;
      if (!(moved.div(root.abs().add_(1)).amax().item<double>() > 4 * Epsilon(root))) break;
    }
    return root.mul_(targets);
  }
};

class SquaredHinge : public DualLoss {
 public:
  double Curvature() const override { return 1; }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& targets) const override {
    return dual.mul(targets).clamp_min_(0).mul_(targets);
  }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor t = Wide(dual).mul(Wide(targets)).mul_(2);
    return t.sub(t.square(), 0.25).sum(0).mul_(0.5);
  }
  at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const override {
    const at::Tensor margin = point.mul(targets);
    return margin.add((1 - margin).clamp_min_(0), 1 / (1 + rho)).mul_(targets);
  }
};

class Hinge : public DualLoss {
 public:
  double Curvature() const override { return std::numeric_limits<double>::infinity(); }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& targets) const override {
    return dual.mul(targets).clamp_(0, 0.5).mul_(targets);
  }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    return Wide(dual).mul(Wide(targets)).sum(0);
  }
  at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const override {
    const at::Tensor margin = point.mul(targets);
    return margin.add((1 - margin).clamp_(0, 0.5 / rho)).mul_(targets);
  }
};

class CrossEntropy : public DualLoss {
 public:
  // The Hessian diag(p) − ppᵀ of log Σ exp has no eigenvalue above ½.
  double Curvature() const override { return 0.25; }
  bool CouplesOutputs() const override { return true; }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor q = targets.sub(dual, 2).clamp_min_(0);
    return targets.sub(q.div(q.sum(1, true))).mul_(0.5);
  }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor q = Wide(targets).sub(Wide(dual), 2);
    return at::xlogy(q, q).sum().mul_(-0.5).unsqueeze(0);
  }
  // Newton's method row by row, with steps halved until they lower the objective (Boyd & Vandenberghe, section 9.5).
  // The Hessian diag(ρ + ½p) − ½ppᵀ is inverted by the Sherman–Morrison formula.
  at::Tensor Prox(const at::Tensor& point, const at::Tensor& targets, double rho) const override {
    const at::Tensor q = Wide(point), y = Wide(targets);
    const auto objective = [&](const at::Tensor& r) {
      return at::logsumexp(r, {1}, true)
          .sub_(r.mul(y).sum(1, true))
          .mul_(0.5)
          .add_(r.sub(q).square_().sum(1, true), 0.5 * rho);
    };
    at::Tensor r = q, value = objective(r);
    for (int step = 0; step < kMaxNewtonSteps; ++step) {
      const at::Tensor p = at::softmax(r, 1);
      const at::Tensor gradient = p.sub(y).mul_(0.5).add_(r.sub(q), rho);
      const at::Tensor diagonal = p.mul(0.5).add_(rho), scaled = p.div(diagonal);
      const at::Tensor inner = gradient.mul(scaled).sum(1, true);
      const at::Tensor direction =
          gradient.div(diagonal).add_(scaled.mul(inner.div(2 - p.mul(scaled).sum(1, true)))).neg_();
      const at::Tensor decrement = gradient.mul(direction).sum(1, true).neg_();
      if (!(decrement.div(value.abs().add(1)).amax().item<double>() > 1e-28)) break;
      // A step is taken by the rows that it helps; where rounding hides that, by those within it.
      at::Tensor length = at::ones_like(value), next = r.add(direction), lowered = objective(next);
      for (int halving = 0; halving < 30; ++halving) {
        const at::Tensor fails = lowered > value - 0.25 * length * decrement + 1e-15 * (1 + value.abs());
        if (!fails.any().item<bool>()) break;
        length = at::where(fails, length.mul(0.5), length);
        next = r.add(direction.mul(length));
        lowered = objective(next);
      }
      r = next;
      value = lowered;
    }
    return r.to(point.scalar_type());
  }
};

}  // namespace

const DualLoss* DualOf(Loss loss) {
  static const Squared squared;
  static const Logistic logistic;
  static const SquaredHinge squared_hinge;
  static const CrossEntropy cross_entropy;
  static const Hinge hinge;
  switch (loss) {
    case Loss::kSquared:
      return &squared;
    case Loss::kLogistic:
      return &logistic;
    case Loss::kCrossEntropy:
      return &cross_entropy;
    case Loss::kSquaredHinge:
      return &squared_hinge;
    case Loss::kHinge:
      return &hinge;
  }
  return &squared;
}

}  // namespace cvxnn::convex
