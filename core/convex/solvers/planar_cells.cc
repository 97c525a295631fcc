// SPDX-License-Identifier: Apache-2.0
// Wedges by clipping, arcs by their ends; see planar_cells.h.
#include "core/convex/solvers/planar_cells.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace cvxnn::convex {
namespace {

// Normals that are this nearly opposite leave no wedge to speak of.
constexpr double kLeastSine = 1e-12;

Point Unit(const Point& a) { return (1 / Length(a)) * a; }

}  // namespace

std::optional<PlanarCells> PlanarCells::Of(const at::Tensor& features, const at::Tensor& mask) {
  if (features.size(1) != 2 || !features.device().is_cpu()) return std::nullopt;
  PlanarCells cells;
  const at::Tensor x = features.contiguous();
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    cells.points_.push_back({x.data_ptr<double>()[2 * i], x.data_ptr<double>()[2 * i + 1]});
  }
  const at::Tensor by_pattern = mask.t().contiguous();
  if (!cells.FindCells(by_pattern) || !cells.FindArcs(by_pattern) || !cells.FindSlots()) return std::nullopt;
  return cells;
}

// A wedge is bounded by the two outermost normals g_i = E_pi x_i, which are less than π apart.
bool PlanarCells::FindCells(const at::Tensor& mask) {
  std::vector<Point> directions(points_.size());
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (Length(points_[i]) > 0) directions[i] = Unit(points_[i]);
  }
  std::vector<std::pair<double, PlanarCell>> found;
  for (std::int64_t p = 0; p < mask.size(0); ++p) {
    const bool* active = mask.data_ptr<bool>() + p * mask.size(1);
    Point low, high;
    PlanarCell cell;
    cell.pattern = p;
    bool any = false, empty = false;
    for (std::size_t i = 0; i < directions.size() && !empty; ++i) {
      if (directions[i].x == 0 && directions[i].y == 0) continue;
      const Point normal = active[i] ? directions[i] : -1.0 * directions[i];
      const auto row = static_cast<std::int64_t>(i);
      if (!any) {
        low = high = normal;
        cell.row_of[0] = cell.row_of[1] = row;
        any = true;
        continue;
      }
      const double after_low = Cross(low, normal), before_high = Cross(normal, high);
      if ((std::abs(after_low) < kLeastSine && Dot(low, normal) < 0) ||
          (std::abs(before_high) < kLeastSine && Dot(normal, high) < 0)) {
        return false;
      }
      if (after_low < 0 && before_high > 0) {
        low = normal;
        cell.row_of[0] = row;
      } else if (after_low > 0 && before_high < 0) {
        high = normal;
        cell.row_of[1] = row;
      } else if (after_low < 0 && before_high < 0) {
        empty = true;
      }
    }
    if (empty) continue;
    cell.sine = Cross(low, high);
    if (!any || !(cell.sine > kLeastSine)) return false;
    cell.first = {high.y, -high.x};
    cell.second = {-low.y, low.x};
    const Point middle = Dot(low, high) > 0 ? low + high : cell.first + cell.second;
    found.emplace_back(std::atan2(middle.y, middle.x), cell);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [angle, cell] : found) cells_.push_back(cell);
  return !cells_.empty();
}

bool PlanarCells::FindArcs(const at::Tensor& mask) {
  const std::size_t count = cells_.size(), rows = points_.size();
  const bool* all = mask.data_ptr<bool>();
  const auto active = [&](std::size_t j, std::size_t row) {
    return all[static_cast<std::size_t>(cells_[j].pattern) * rows + row];
  };
  for (std::size_t i = 0; i < rows; ++i) {
    Arc arc;
    if (points_[i].x != 0 || points_[i].y != 0) {
      std::size_t begins = 0;
      for (std::size_t j = 0; j < count; ++j) {
        if (!active(j, i)) continue;
        ++arc.size;
        if (active(j == 0 ? count - 1 : j - 1, i)) continue;
        arc.begin = j;
        ++begins;
      }
      if (begins > 1) return false;
    }
    arcs_.push_back(arc);
  }
  return true;
}

// Two half-circles meet at the end of either: what they share ends where the one ends or begins where it begins.
bool PlanarCells::FindSlots() {
  const std::size_t count = cells_.size(), rows = points_.size();
  slots_.resize(rows * rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const Arc& a = arcs_[i];
    for (std::size_t j = 0; j <= i; ++j) {
      const Arc& b = arcs_[j];
      std::size_t slot = 0;
      if (a.size == 0 || b.size == 0) {
        slots_[i * rows + j] = 0;
        continue;
      }
      const std::size_t offset = (b.begin + count - a.begin) % count;
      const std::size_t wrapped = offset + b.size > count ? std::min(a.size, offset + b.size - count) : 0;
      if (offset >= a.size) {
        slot = wrapped;
      } else if (offset == 0) {
        slot = std::min(a.size, b.size);
      } else {
        if (wrapped > 0 && wrapped < offset) return false;
        if (offset + b.size < a.size) return false;
        slot = wrapped >= offset ? a.size : a.size + 1 + offset;
      }
      slots_[i * rows + j] = static_cast<std::uint32_t>(slot);
    }
  }
  return true;
}

template <typename Visit>
void PlanarCells::VisitArc(const Arc& arc, const Visit& visit) const {
  const std::size_t end = arc.begin + arc.size;
  visit(arc.begin, std::min(end, cells_.size()));
  if (end > cells_.size()) visit(0, end - cells_.size());
}

void PlanarCells::Adjoint(const std::vector<double>& r, std::vector<Point>& result) const {
  result.assign(cells_.size(), Point());
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const Point part = r[i] * points_[i];
    VisitArc(arcs_[i], [&](std::size_t begin, std::size_t end) {
      for (std::size_t p = begin; p < end; ++p) {
        result[p].x += part.x;
        result[p].y += part.y;
      }
    });
  }
}

void PlanarCells::Apply(const std::vector<Point>& u, std::vector<double>& result) const {
  result.resize(points_.size());
  for (std::size_t i = 0; i < points_.size(); ++i) {
    Point even, odd;
    VisitArc(arcs_[i], [&](std::size_t begin, std::size_t end) {
      std::size_t p = begin;
      for (; p + 1 < end; p += 2) {
        even.x += u[p].x;
        even.y += u[p].y;
        odd.x += u[p + 1].x;
        odd.y += u[p + 1].y;
      }
      if (p < end) even = even + u[p];
    });
    result[i] = Dot(points_[i], even + odd);
  }
}

void PlanarCells::Coupling(const std::vector<Symmetric>& q, double* matrix) const {
  const std::size_t rows = points_.size();
  std::vector<Symmetric> ordered, sums;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t size = arcs_[i].size;
    ordered.clear();
    VisitArc(arcs_[i], [&](std::size_t begin, std::size_t end) {
      ordered.insert(ordered.end(), q.begin() + static_cast<std::ptrdiff_t>(begin),
                     q.begin() + static_cast<std::ptrdiff_t>(end));
    });
    sums.assign(2 * size + 2, Symmetric());
    for (std::size_t k = 0; k < size; ++k) sums[k + 1] = sums[k] + ordered[k];
    for (std::size_t k = size; k-- > 0;) sums[size + 1 + k] = sums[size + 2 + k] + ordered[k];
    const Point& x = points_[i];
    double* row = matrix + i * rows;
    for (std::size_t j = 0; j <= i; ++j) {
      const Symmetric& sum = sums[slots_[i * rows + j]];
      const Point& other = points_[j];
      row[j] = (x.x * sum.xx + x.y * sum.xy) * other.x + (x.x * sum.xy + x.y * sum.yy) * other.y;
    }
    row[i] += 1;
  }
}

}  // namespace cvxnn::convex
