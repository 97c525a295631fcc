// SPDX-License-Identifier: Apache-2.0
// See screening.h.
#include "core/convex/screening.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/convex/dual_loss.h"

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kMostDirect = 1024;
// Eigenvalues of a Gram matrix in float64 are right to far better than this share of the largest.
constexpr double kNormMargin = 1 + 1e-9;
// The least gap of a ReLU program, as a share of the objective.
constexpr double kLeastConeGap = 1e-8;

double UnitRoundoff(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

}  // namespace

double SpectralNormBound(const at::Tensor& features) {
  if (features.numel() == 0) return 0;
  const at::Tensor x = features.to(at::kDouble);
  const at::Tensor gram = x.size(0) < x.size(1) ? at::mm(x, x.t()) : at::mm(x.t(), x);
  if (gram.size(0) <= kMostDirect) {
    return kNormMargin * std::sqrt(std::max(0.0, at::linalg_eigvalsh(gram).max().item<double>()));
  }
  // λ_max⁴ = ‖G⁴‖₂ <= ‖G⁴‖_F; scaled, since fourth powers leave the range of numbers.
  const double scale = gram.norm().item<double>();
  if (!(scale > 0)) return 0;
  const at::Tensor unit = gram.div(scale), square = at::mm(unit, unit);
  return kNormMargin * std::sqrt(scale * std::pow(at::mm(square, square).norm().item<double>(), 0.25));
}

bool HasBlocks(Penalty penalty) { return penalty == Penalty::kGroupL2 || penalty == Penalty::kWeightDecay; }

Screening::Screening(const PatternOperator& map, const at::Tensor& targets, Loss loss, double beta,
                     const PenaltyFunction& penalty)
    : map_(map), targets_(targets.to(at::kDouble)), loss_(loss), beta_(beta), penalty_(penalty) {
  const double curvature = DualOf(loss)->Curvature();
  if (!std::isfinite(curvature)) return;
  curvature_ = curvature;
  spectral_ = SpectralNormBound(map.features());
  const auto wide = targets_.options();
  const at::Tensor squares = map.features().to(at::kDouble).square().sum(1);
  norms_ = at::mv(map.mask().to(wide.dtype()).t(), squares).sqrt_().mul_(kNormMargin).clamp_max_(spectral_);
}

at::Tensor Screening::Zero(double objective, const at::Tensor& dual, const at::Tensor& products,
                           const at::Tensor& sizes) const {
  const std::int64_t patterns = map_.patterns(), outputs = map_.outputs();
  const auto flags = targets_.options().dtype(at::kBool);
  if (!applies() || patterns == 0) return at::zeros({patterns}, flags);
  const DualLoss& dual_loss = *DualOf(loss_);
  const at::Tensor nu = dual_loss.IntoDomain(dual.to(at::kDouble), targets_);
  // Products of rows that are rounded at random err by about √n units (Higham & Mary, SIAM J. Sci. Comput. 41, 2019).
  const double rounding = 8 * UnitRoundoff(map_.features()) * std::sqrt(static_cast<double>(map_.rows()));
  const double size = sizes.defined() ? sizes.max().item<double>() : nu.norm().item<double>();
  const double error = rounding * spectral_ * size;
  // A norm for each block: of pattern p and output k, or of pattern p. The larger of v's and w's.
  const std::int64_t signs = products.size(1) / map_.blocks();
  const at::Tensor norms = penalty_.DualNorms(products, at::Tensor()).add(error).view({signs, patterns, -1}).amax(0);
  const bool separate = norms.size(1) == outputs && !dual_loss.CouplesOutputs();
  at::Tensor largest = separate ? norms.amax(0) : norms.max().expand({outputs});
  at::Tensor scale = largest.reciprocal().mul_(beta_);
  if (loss_ == Loss::kSquared) {
    // The best multiple of ν, as far as it is feasible.
    const at::Tensor product = nu.mul(targets_).sum(0), square = nu.square().sum(0);
    const at::Tensor peak = (separate ? product : product.sum().expand({outputs}))
                                .div(separate ? square : square.sum().expand({outputs}))
                                .nan_to_num(0, 0, 0)
                                .clamp_min(0);
    scale = at::minimum(scale, peak);
  } else {
    scale = scale.clamp_max(1);
  }
  const double value = dual_loss.Values(nu.mul(scale), targets_).sum().item<double>();
  // Rounding of the two values beside each other; and a point is within its cones but for rounding.
  const double least = signs == 1 ? rounding : std::max(rounding, kLeastConeGap);
  const double gap = std::max(objective - value, least * std::abs(objective));
  if (!std::isfinite(gap)) return at::zeros({patterns}, flags);
  const double radius = std::sqrt(2 * curvature_ * gap);
  const at::Tensor scales = norms.size(1) == outputs ? scale : scale.max().expand({norms.size(1)});
  return norms.mul(scales).amax(1).add(norms_.mul(radius)).lt(beta_);
}

}  // namespace cvxnn::convex
