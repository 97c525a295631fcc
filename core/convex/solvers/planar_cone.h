// SPDX-License-Identifier: Apache-2.0
// The second-order cone of a norm in the plane, x₀ >= ‖x̄‖₂ for x̄ of two entries, one cone at a time: its Jordan algebra
// and Nesterov-Todd scaling, as second_order_cone.h has them for many cones of any dimension.
#pragma once

#include "core/convex/solvers/planar_cells.h"

namespace cvxnn::convex {

struct ConePoint {
  double head = 0;
  Point tail;
};

/// x₀² − ‖x̄‖² without the cancellation of squares; > 0 inside.
inline double Determinant(const ConePoint& x) {
  const double length = Length(x.tail);
  return (x.head - length) * (x.head + length);
}

/// x ∘ z = (xᵀz, x₀z̄ + z₀x̄).
inline ConePoint JordanProduct(const ConePoint& x, const ConePoint& z) {
  return {x.head * z.head + Dot(x.tail, z.tail), x.head * z.tail + z.head * x.tail};
}

/// The r with x ∘ r = y, for x inside whose determinant is known.
inline ConePoint JordanQuotient(const ConePoint& y, const ConePoint& x, double determinant) {
  const double head = (x.head * y.head - Dot(x.tail, y.tail)) / determinant;
  return {head, (1 / x.head) * (y.tail - head * x.tail)};
}

/// The largest step, at most 1e30, with which `point` (inside) stays in the cone along `direction`.
double LargestConeStep(const ConePoint& point, const ConePoint& direction);

/// The scaling W of interior points x and z, with Wz = W⁻¹x = ℓ. W = η·[w₀ w̄ᵀ; w̄ I + w̄w̄ᵀ/(1 + w₀)], w₀² − ‖w̄‖² = 1.
struct PlanarScaling {
  /// Of points with positive determinants.
  PlanarScaling(const ConePoint& x, const ConePoint& z);

  ConePoint Apply(const ConePoint& point) const { return Scaled(point, eta, 1); }              ///< W·
  ConePoint ApplyInverse(const ConePoint& point) const { return Scaled(point, 1 / eta, -1); }  ///< W⁻¹·

  /// As ConeScaling: for z₀ that must not change, from q with W⁻¹dx + W dz = q and scaled = W⁻¹q follows
  /// dz̄ = Reduced(scaled) − S·dx̄ and dx₀ = Head(scaled, dx̄), S = (ε ŵŵᵀ + ŵ⊥ŵ⊥ᵀ)/η², ε = 1/(2w₀² − 1).
  Point Reduced(const ConePoint& scaled) const { return scaled.tail + (2 * w.head * scaled.head * epsilon) * w.tail; }
  double Head(const ConePoint& scaled, const Point& tail) const {
    return (eta * eta * scaled.head + 2 * w.head * Dot(w.tail, tail)) * epsilon;
  }
  Point ApplyCurvature(const Point& tail) const {
    const double across = 1 / (eta * eta);
    return Weighed(tail, epsilon * across, across);
  }
  /// by_along·ŵŵᵀ + by_across·ŵ⊥ŵ⊥ᵀ, which S is one of.
  Point Weighed(const Point& tail, double by_along, double by_across) const {
    return (by_along * Dot(along, tail)) * along + (by_across * Cross(along, tail)) * Point{-along.y, along.x};
  }

  double eta;
  double epsilon;
  double determinant;  // of ℓ
  ConePoint w;
  Point along;  // ŵ; any direction where w̄ is 0

 private:
  ConePoint Scaled(const ConePoint& point, double factor, double sign) const {
    const double dot = Dot(w.tail, point.tail);
    return {factor * (w.head * point.head + sign * dot),
            factor * (point.tail + (sign * point.head + dot / (1 + w.head)) * w.tail)};
  }
};

}  // namespace cvxnn::convex
