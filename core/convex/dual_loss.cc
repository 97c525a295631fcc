// SPDX-License-Identifier: Apache-2.0
// Conjugates worked out by hand. For targets y = ±1 write t = 2yν, for one-hot targets q = y − 2ν:
//   squared         −L*(−ν) = νy − ½ν²
//   logistic        ½ (−t log t − (1 − t) log(1 − t)),  0 <= t <= 1
//   squared hinge   ½ (t − ¼t²),                        t >= 0
//   cross-entropy   ½ (−Σ_k q_k log q_k),               q >= 0, Σ_k q_k = 1
#include "core/convex/dual_loss.h"

#include <ATen/ATen.h>

namespace cvxnn::convex {
namespace {

at::Tensor Wide(const at::Tensor& x) { return x.to(at::kDouble); }

class Squared : public DualLoss {
 public:
  double Curvature() const override { return 1; }
  at::Tensor IntoDomain(const at::Tensor& dual, const at::Tensor& /*targets*/) const override { return dual; }
  at::Tensor Values(const at::Tensor& dual, const at::Tensor& targets) const override {
    const at::Tensor nu = Wide(dual);
    return nu.mul(Wide(targets)).sub_(nu.square(), 0.5).sum(0);
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
};

}  // namespace

const DualLoss* DualOf(Loss loss) {
  static const Squared squared;
  static const Logistic logistic;
  static const SquaredHinge squared_hinge;
  static const CrossEntropy cross_entropy;
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
      break;
  }
  return nullptr;
}

}  // namespace cvxnn::convex
