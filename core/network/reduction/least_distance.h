// SPDX-License-Identifier: Apache-2.0
// The point of a polyhedron nearest to the origin: Lawson & Hanson, Solving Least Squares Problems, chapter 23 (LDP by
// nonnegative least squares). Exact in finitely many steps, meant for few unknowns.
#pragma once

#include <Eigen/Core>
#include <optional>

namespace cvxnn {

/// The x (d) of least norm with Gx >= h, for G (n×d) and h (n) scaled so that ‖x‖ is of the order of one; feasible up
/// to rounding. None when there is no such x, or numbers fail.
std::optional<Eigen::VectorXd> LeastDistance(const Eigen::MatrixXd& g, const Eigen::VectorXd& h);

}  // namespace cvxnn
