// SPDX-License-Identifier: Apache-2.0
// Many second-order cones x₀ >= ‖x̄‖₂ at once: their Jordan algebra and the scaling of Nesterov & Todd (Vandenberghe,
// The CVXOPT linear and quadratic cone program solvers, 2010, sections 2 to 5). m cones of dimension d + 1; heads are
// m, tails m×d, float64.
#pragma once

#include <ATen/core/Tensor.h>

namespace cvxnn::convex {

/// A point for each cone.
struct ConePoints {
  at::Tensor head;
  at::Tensor tail;

  ConePoints Plus(const ConePoints& other, double multiple) const {
    return {head.add(other.head, multiple), tail.add(other.tail, multiple)};
  }
  /// x₀z₀ + x̄ᵀz̄ of every cone, m.
  at::Tensor Dot(const ConePoints& other) const { return head.mul(other.head).add_(tail.mul(other.tail).sum(1)); }
};

/// x ∘ z = (xᵀz, x₀z̄ + z₀x̄).
ConePoints JordanProduct(const ConePoints& x, const ConePoints& z);

/// The r with x ∘ r = y, for x inside.
ConePoints JordanQuotient(const ConePoints& y, const ConePoints& x);

/// The largest step, at most 1e30, with which `point` (inside) stays in its cones along `direction`.
double LargestConeStep(const ConePoints& point, const ConePoints& direction);

/// The scaling W of interior points x and z, with Wz = W⁻¹x. W = η·[w₀ w̄ᵀ; w̄ I + w̄w̄ᵀ/(1 + w₀)], w₀² − ‖w̄‖² = 1.
class ConeScaling {
 public:
  ConeScaling(const ConePoints& x, const ConePoints& z);

  ConePoints Apply(const ConePoints& points) const;         ///< W·
  ConePoints ApplyInverse(const ConePoints& points) const;  ///< W⁻¹·

  /// For z₀ that must not change: from q with W⁻¹dx + W dz = q follows dz̄ = Reduced(W⁻¹q) − S·dx̄ with
  /// S = (I − ŵŵᵀ + ŵŵᵀ/(2w₀² − 1))/η², ŵ = w̄/‖w̄‖, and dx₀ = Head(W⁻¹q, dx̄).
  at::Tensor Reduced(const ConePoints& scaled) const;
  at::Tensor Head(const ConePoints& scaled, const at::Tensor& tail) const;
  at::Tensor Curvature() const;                              ///< S, m×d×d
  at::Tensor ApplyCurvature(const at::Tensor& tails) const;  ///< S·, m×d

 private:
  ConePoints Scaled(const ConePoints& points, const at::Tensor& factor, double sign) const;

  at::Tensor eta_squared_;  // m
  ConePoints w_;
  at::Tensor direction_;  // ŵ, m×d
  at::Tensor top_;        // 2w₀² − 1
};

}  // namespace cvxnn::convex
