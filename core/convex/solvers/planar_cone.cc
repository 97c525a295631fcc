// SPDX-License-Identifier: Apache-2.0
// Steps to the edge and the scaling point; see planar_cone.h.
#include "core/convex/solvers/planar_cone.h"

#include <algorithm>

namespace cvxnn::convex {
namespace {

constexpr double kNoLimit = 1e30;

}  // namespace

// The smallest positive root of (x₀ + αd₀)² = ‖x̄ + αd̄‖², aα² + 2bα + c = 0, if there is one; c > 0.
double LargestConeStep(const ConePoint& point, const ConePoint& direction) {
  const double a = direction.head * direction.head - Dot(direction.tail, direction.tail);
  const double b = point.head * direction.head - Dot(point.tail, direction.tail);
  const double c = Determinant(point), discriminant = b * b - a * c;
  double step = kNoLimit;
  if (discriminant >= 0) {
    const double root = std::sqrt(discriminant), sum = -(b + (b >= 0 ? root : -root));
    const double first = sum / a, second = c / sum;
    if (first > 0) step = std::min(step, first);
    if (second > 0) step = std::min(step, second);
  }
  // Heads that fall reach zero at the latest when the cone's tip does, where rounding hides the double root.
  if (direction.head < 0) step = std::min(step, -point.head / direction.head);
  return step;
}

PlanarScaling::PlanarScaling(const ConePoint& x, const ConePoint& z) {
  const double size_x = std::sqrt(Determinant(x)), size_z = std::sqrt(Determinant(z));
  const ConePoint unit_x{x.head / size_x, (1 / size_x) * x.tail}, unit_z{z.head / size_z, (1 / size_z) * z.tail};
  const double scale = 1 / std::sqrt(2 * (1 + unit_x.head * unit_z.head + Dot(unit_x.tail, unit_z.tail)));
  w = {scale * (unit_x.head + unit_z.head), scale * (unit_x.tail - unit_z.tail)};
  eta = std::sqrt(size_x / size_z);
  determinant = size_x * size_z;
  epsilon = 1 / (2 * w.head * w.head - 1);
  const double length = Length(w.tail);
  along = length > 0 ? (1 / length) * w.tail : Point{1, 0};
}

}  // namespace cvxnn::convex
