// SPDX-License-Identifier: Apache-2.0
// Patterns of data in the plane (MATH, section 2, for d = 2). The cell of a pattern, {u : E_p X u >= 0}, is a wedge
// between two rays, whatever the number of rows, so its points are u = a₁r₁ + a₂r₂ with a >= 0; and the patterns in
// which a row is active are an arc of the circle that all cells make up. Products with F and the n×n matrix of a Newton
// step are then sums over arcs, O(n·P) and without subtractions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace cvxnn::convex {

/// A vector of the plane.
struct Point {
  double x = 0;
  double y = 0;
};
inline Point operator+(const Point& a, const Point& b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(const Point& a, const Point& b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(double factor, const Point& a) { return {factor * a.x, factor * a.y}; }
inline double Dot(const Point& a, const Point& b) { return a.x * b.x + a.y * b.y; }
inline double Cross(const Point& a, const Point& b) { return a.x * b.y - a.y * b.x; }
inline double Length(const Point& a) { return std::sqrt(Dot(a, a)); }

/// A symmetric 2×2 matrix.
struct Symmetric {
  double xx = 0;
  double xy = 0;
  double yy = 0;
};
inline Symmetric operator+(const Symmetric& a, const Symmetric& b) { return {a.xx + b.xx, a.xy + b.xy, a.yy + b.yy}; }

/// The wedge of one pattern.
struct PlanarCell {
  std::int64_t pattern = 0;
  Point first;               ///< r₁, of unit length
  Point second;              ///< r₂, anticlockwise of r₁ by less than π
  double sine = 0;           ///< of the angle between them; > 0
  std::int64_t row_of[2]{};  ///< the rows whose constraints are a₁ >= 0 and a₂ >= 0
};

/// The cells of a program's patterns, in the order of their angles.
class PlanarCells {
 public:
  /// For features n×2 in float64 and a mask n×P, on the CPU. Absent where the wedges or arcs are not proper: a cell
  /// that is a ray or a half-plane, as only rows that are all parallel, or patterns that no weights have, give. Cells
  /// that are {0} are left out.
  static std::optional<PlanarCells> Of(const at::Tensor& features, const at::Tensor& mask);

  std::size_t rows() const { return points_.size(); }
  const std::vector<PlanarCell>& cells() const { return cells_; }

  /// XᵀD_p r of every cell, for r of n entries.
  void Adjoint(const std::vector<double>& r, std::vector<Point>& result) const;
  /// Σ_p D_pX u_p, n entries.
  void Apply(const std::vector<Point>& u, std::vector<double>& result) const;
  /// I + Σ_p D_pX Q_p XᵀD_p, n×n row by row, of which the lower triangle is filled.
  void Coupling(const std::vector<Symmetric>& q, double* matrix) const;

 private:
  // Positions [begin, begin + size) in the circle of cells, as one or two pieces of the line.
  struct Arc {
    std::size_t begin = 0;
    std::size_t size = 0;
  };

  bool FindCells(const at::Tensor& mask);
  bool FindArcs(const at::Tensor& mask);
  bool FindSlots();
  template <typename Visit>
  void VisitArc(const Arc& arc, const Visit& visit) const;

  std::vector<Point> points_;  // the rows of X
  std::vector<PlanarCell> cells_;
  std::vector<Arc> arcs_;  // of each row
  // For rows b <= a, where the sum over the cells of both is to be found among the sums from either end of a's arc: in
  // row a, k for the first k cells and size + 1 + k for all but the first k.
  std::vector<std::uint32_t> slots_;
};

}  // namespace cvxnn::convex
