// SPDX-License-Identifier: Apache-2.0
// min ‖Eλ − f‖ over λ >= 0: the active set method of Lawson & Hanson, Solving Least Squares Problems, chapter 23. Exact
// in finitely many steps, meant for E of few rows.
#pragma once

#include <Eigen/Core>

namespace cvxnn {

/// λ (n) for E (k×n), whose columns should be of unit length or zero, and f (k). Columns that are not used have λ = 0
/// exactly; at most k are used. When numbers fail, some λ >= 0.
Eigen::VectorXd NonnegativeLeastSquares(const Eigen::MatrixXd& e, const Eigen::VectorXd& f);

}  // namespace cvxnn
