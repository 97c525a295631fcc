// SPDX-License-Identifier: Apache-2.0
// Jordan algebra and Nesterov-Todd scaling; see second_order_cone.h.
#include "core/convex/solvers/second_order_cone.h"

#include <ATen/ATen.h>

namespace cvxnn::convex {
namespace {

constexpr double kNoLimit = 1e30;
constexpr double kTiny = 1e-300;

at::Tensor Norms(const at::Tensor& tails) { return at::linalg_vector_norm(tails, 2, at::IntArrayRef{1}); }

// x₀² − ‖x̄‖² without the cancellation of squares.
at::Tensor Determinant(const ConePoints& x) {
  const at::Tensor norms = Norms(x.tail);
  return x.head.sub(norms).mul_(x.head.add(norms)).clamp_min_(kTiny);
}

}  // namespace

ConePoints JordanProduct(const ConePoints& x, const ConePoints& z) {
  return {x.Dot(z), x.head.unsqueeze(1).mul(z.tail).add_(z.head.unsqueeze(1).mul(x.tail))};
}

ConePoints JordanQuotient(const ConePoints& y, const ConePoints& x) {
  const at::Tensor determinant = Determinant(x), dot = x.tail.mul(y.tail).sum(1);
  const at::Tensor head = x.head.mul(y.head).sub_(dot).div_(determinant);
  // r̄ = (ȳ − r₀x̄)/x₀.
  return {head, y.tail.sub(x.tail.mul(head.unsqueeze(1))).div_(x.head.unsqueeze(1))};
}

double LargestConeStep(const ConePoints& point, const ConePoints& direction) {
  if (point.head.numel() == 0) return kNoLimit;
  // The smallest positive root of (x₀ + αd₀)² = ‖x̄ + αd̄‖², aα² + 2bα + c = 0, if there is one; c > 0.
  const at::Tensor a = direction.head.square().sub_(direction.tail.square().sum(1));
  const at::Tensor b = point.head.mul(direction.head).sub_(point.tail.mul(direction.tail).sum(1));
  const at::Tensor c = Determinant(point);
  const at::Tensor discriminant = b.square().sub_(a.mul(c));
  const at::Tensor root = discriminant.clamp_min(0).sqrt_();
  const at::Tensor sum = b.add(at::where(b.ge(0), root, root.neg())).neg_();
  const auto positive = [&](const at::Tensor& candidate) {
    const at::Tensor usable = candidate.gt(0).logical_and_(candidate.isfinite()).logical_and_(discriminant.ge(0));
    return at::where(usable, candidate, at::full_like(candidate, kNoLimit));
  };
  // Heads that fall reach zero at the latest when the cone's tip does, where rounding hides the double root.
  const at::Tensor tip =
      at::where(direction.head.lt(0), point.head.div(direction.head.neg()), at::full_like(point.head, kNoLimit));
  return at::minimum(at::minimum(positive(sum.div(a)), positive(c.div(sum))), tip).min().item<double>();
}

ConeScaling::ConeScaling(const ConePoints& x, const ConePoints& z) {
  const at::Tensor size_x = Determinant(x).sqrt_(), size_z = Determinant(z).sqrt_();
  const ConePoints unit_x{x.head.div(size_x), x.tail.div(size_x.unsqueeze(1))};
  const ConePoints unit_z{z.head.div(size_z), z.tail.div(size_z.unsqueeze(1))};
  const at::Tensor twice_gamma = unit_x.Dot(unit_z).add_(1).mul_(2).sqrt_();
  w_ = {unit_x.head.add(unit_z.head).div_(twice_gamma), unit_x.tail.sub(unit_z.tail).div_(twice_gamma.unsqueeze(1))};
  eta_squared_ = size_x.div(size_z);
  direction_ = w_.tail.div(Norms(w_.tail).clamp_min_(kTiny).unsqueeze(1));
  top_ = w_.head.square().mul_(2).sub_(1);
}

ConePoints ConeScaling::Scaled(const ConePoints& points, const at::Tensor& factor, double sign) const {
  const at::Tensor dot = w_.tail.mul(points.tail).sum(1);
  const at::Tensor along = points.head.mul(sign).add_(dot.div(w_.head.add(1))).unsqueeze(1);
  return {w_.head.mul(points.head).add_(dot, sign).mul_(factor),
          points.tail.add(w_.tail.mul(along)).mul_(factor.unsqueeze(1))};
}

ConePoints ConeScaling::Apply(const ConePoints& points) const { return Scaled(points, eta_squared_.sqrt(), 1); }

ConePoints ConeScaling::ApplyInverse(const ConePoints& points) const {
  return Scaled(points, eta_squared_.rsqrt(), -1);
}

// W⁻² = [2w₀² − 1, −2w₀w̄ᵀ; −2w₀w̄, I + 2w̄w̄ᵀ]/η².
at::Tensor ConeScaling::Reduced(const ConePoints& scaled) const {
  return scaled.tail.add(w_.tail.mul(w_.head.mul(2).mul_(scaled.head).div_(top_).unsqueeze(1)));
}

at::Tensor ConeScaling::Head(const ConePoints& scaled, const at::Tensor& tail) const {
  return scaled.head.mul(eta_squared_).add_(w_.tail.mul(tail).sum(1).mul_(w_.head).mul_(2)).div_(top_);
}

at::Tensor ConeScaling::Curvature() const {
  const at::Tensor drop = top_.reciprocal().neg_().add_(1);
  at::Tensor curvature = at::einsum("mi,mj->mij", {direction_.mul(drop.neg().unsqueeze(1)), direction_});
  curvature.diagonal(0, 1, 2).add_(1);
  return curvature.div_(eta_squared_.view({-1, 1, 1}));
}

at::Tensor ConeScaling::ApplyCurvature(const at::Tensor& tails) const {
  const at::Tensor along = direction_.mul(tails).sum(1);
  const at::Tensor drop = along.mul_(top_.reciprocal().neg_().add_(1));
  return tails.sub(direction_.mul(drop.unsqueeze(1))).div_(eta_squared_.unsqueeze(1));
}

}  // namespace cvxnn::convex
