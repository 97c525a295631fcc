// SPDX-License-Identifier: Apache-2.0
// The cells of a central arrangement of hyperplanes {u : x_iᵀu = 0}, i.e. the open cones into which they cut space.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cvxnn {

/// One cell: a point inside, and for each hyperplane the side it lies on, '1' where x_iᵀu > 0 and '0' where < 0.
struct Cell {
  Eigen::VectorXd inside;
  std::string sides;
};

/// All cells for normals x_i (rows, m×r) of length 1 of which no two are collinear.
///
/// Deletion and restriction: adding a hyperplane h cuts those cells in two whose restriction to h is a cell of the
/// arrangement that the others induce on h, one dimension lower (Stanley, An Introduction to Hyperplane Arrangements,
/// section 2.1). Nothing is searched for and no linear program solved: work is proportional to the cells there are, in
/// all dimensions, and points in common to any number of hyperplanes need no special care.
///
/// Errors: CANCELLED when `should_stop` (may be empty) says so; INTERNAL when normals are so nearly dependent that
/// float64 cannot tell the cells apart.
absl::StatusOr<std::vector<Cell>> CellsOf(const Eigen::MatrixXd& normals, const std::function<bool()>& should_stop);

/// Directions whose angle to one another is below this (radians) count as one.
inline constexpr double kCollinear = 1e-10;

/// Rows of a matrix up to their length and sign.
struct Directions {
  Eigen::MatrixXd normals;          ///< distinct ones, of length 1
  std::vector<std::int64_t> index;  ///< for each row its normal, or -1 for a row of zeros
  std::vector<bool> reversed;       ///< whether the row points against its normal
};
Directions DistinctDirections(const Eigen::MatrixXd& rows);

/// 2 Σ_{k<r} C(m − 1, k), the most cells that m hyperplanes in r dimensions have (Cover, IEEE Trans. Electronic
/// Computers 14(3), 1965), 1 for m = 0; infinity beyond the range of double.
double MostCells(std::int64_t hyperplanes, std::int64_t dimensions);

}  // namespace cvxnn
