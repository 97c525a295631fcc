// SPDX-License-Identifier: Apache-2.0
// Deletion and restriction; see arrangement.h.
#include "core/patterns/arrangement.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace cvxnn {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// An orthonormal basis of the hyperplane with this normal, r×(r − 1).
MatrixXd BasisOf(const VectorXd& normal) {
  const Index r = normal.size();
  return MatrixXd(Eigen::HouseholderQR<MatrixXd>(normal).householderQ()).rightCols(r - 1);
}

// The cells that the first `count` hyperplanes induce on another, by their sides: a point inside each.
absl::StatusOr<absl::flat_hash_map<std::string, VectorXd>> CellsOn(const VectorXd& normal, const MatrixXd& normals,
                                                                   Index count,
                                                                   const std::function<bool()>& should_stop) {
  const MatrixXd basis = BasisOf(normal);
  const Directions induced = DistinctDirections(normals.topRows(count) * basis);
  const auto cells = CellsOf(induced.normals, should_stop);
  if (!cells.ok()) return cells.status();
  absl::flat_hash_map<std::string, VectorXd> found;
  found.reserve(cells->size());
  for (const Cell& cell : *cells) {
    std::string sides(static_cast<std::size_t>(count), '0');
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const bool positive = cell.sides[static_cast<std::size_t>(induced.index[i])] == '1';
      sides[i] = positive != induced.reversed[i] ? '1' : '0';
    }
    found.emplace(std::move(sides), basis * cell.inside);
  }
  return found;
}

// How far one may go from `inside` along `normal` and half as far again before crossing one of the first hyperplanes.
double SafeStep(const VectorXd& inside, const VectorXd& normal, const MatrixXd& normals, Index count) {
  double step = 1;
  for (Index i = 0; i < count; ++i) {
    const double slope = std::abs(normals.row(i).dot(normal));
    if (slope > 0) step = std::min(step, 0.5 * std::abs(normals.row(i).dot(inside)) / slope);
  }
  return step;
}

// Points at which one unit of length means the same everywhere.
VectorXd Scaled(const VectorXd& point) {
  const double norm = point.norm();
  return norm > 0 ? VectorXd(point / norm) : point;
}

}  // namespace

Directions DistinctDirections(const MatrixXd& rows) {
  Directions found;
  found.normals.resize(rows.rows(), rows.cols());
  const double zero = 1e-14 * (rows.size() == 0 ? 0 : rows.rowwise().norm().maxCoeff());
  Index distinct = 0;
  for (Index i = 0; i < rows.rows(); ++i) {
    const double norm = rows.row(i).norm();
    found.index.push_back(-1);
    found.reversed.push_back(false);
    if (!(norm > zero)) continue;
    const Eigen::RowVectorXd unit = rows.row(i) / norm;
    const VectorXd cosines = found.normals.topRows(distinct) * unit.transpose();
    Index same = 0;
    // Near ±1 a cosine says too little of the angle; the distance says it.
    while (same < distinct && !(std::abs(cosines[same]) > 0.9 &&
                                (unit - (cosines[same] > 0 ? 1 : -1) * found.normals.row(same)).norm() < kCollinear)) {
      ++same;
    }
    found.index.back() = same;
    if (same == distinct) {
      found.normals.row(distinct++) = unit;
    } else {
      found.reversed.back() = cosines[same] < 0;
    }
  }
  found.normals.conservativeResize(distinct, Eigen::NoChange);
  return found;
}

absl::StatusOr<std::vector<Cell>> CellsOf(const MatrixXd& normals, const std::function<bool()>& should_stop) {
  std::vector<Cell> cells = {{VectorXd::Zero(normals.cols()), ""}};
  for (Index h = 0; h < normals.rows(); ++h) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while enumerating patterns");
    const VectorXd normal = normals.row(h);
    const auto cut = CellsOn(normal, normals, h, should_stop);
    if (!cut.ok()) return cut.status();
    std::size_t met = 0;
    std::vector<Cell> next;
    next.reserve(cells.size() + cut->size());
    for (Cell& cell : cells) {
      const auto found = cut->find(cell.sides);
      if (found == cut->end()) {
        cell.sides += normal.dot(cell.inside) > 0 ? '1' : '0';
        next.push_back(std::move(cell));
        continue;
      }
      ++met;
      const VectorXd& on = found->second;
      const VectorXd away = SafeStep(on, normal, normals, h) * normal;
      next.push_back({Scaled(on + away), cell.sides + '1'});
      next.push_back({Scaled(on - away), cell.sides + '0'});
    }
    if (met != cut->size()) {
      return absl::InternalError(
          "patterns: some rows are so nearly dependent that float64 cannot tell their cells apart");
    }
    cells = std::move(next);
  }
  return cells;
}

double MostCells(std::int64_t hyperplanes, std::int64_t dimensions) {
  if (hyperplanes < 1) return 1;
  double sum = 0, choose = 1;
  for (std::int64_t k = 0; k < dimensions && k < hyperplanes; ++k) {
    sum += choose;
    choose *= static_cast<double>(hyperplanes - 1 - k) / static_cast<double>(k + 1);
  }
  return 2 * sum;
}

}  // namespace cvxnn
