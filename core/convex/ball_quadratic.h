// SPDX-License-Identifier: Apache-2.0
// A concave quadratic over an intersection of ellipsoids, in few dimensions: the dual over a span (dual_span.h).
#pragma once

#include <Eigen/Core>
#include <vector>

namespace cvxnn::convex {

/// A point near the maximum of bᵀa − ½aᵀAa subject to aᵀH_p a <= radius² for all p, found from the strictly feasible
/// `start` by a log barrier and Newton's method (Boyd & Vandenberghe, Convex Optimization, section 11.3). A and all H_p
/// (K×K) are symmetric and positive semidefinite. The point is feasible up to rounding and no worse than `start`;
/// `start` itself when numbers fail.
Eigen::VectorXd MaximizeOverBalls(const Eigen::MatrixXd& a, const Eigen::VectorXd& b,
                                  const std::vector<Eigen::MatrixXd>& balls, double radius,
                                  const Eigen::VectorXd& start);

}  // namespace cvxnn::convex
