// SPDX-License-Identifier: Apache-2.0
// Columns enter one by one and leave where their coefficient would turn negative; see nonnegative_least_squares.h.
#include "core/network/reduction/nonnegative_least_squares.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace cvxnn {
namespace {

using Eigen::Index;

// The column that lowers the residual fastest, or -1 when none does.
Index Entering(const Eigen::VectorXd& gradient, const std::vector<bool>& used, double least) {
  Index enter = -1;
  for (Index j = 0; j < gradient.size(); ++j) {
    if (used[static_cast<std::size_t>(j)] || !(gradient[j] > least)) continue;
    least = gradient[j];
    enter = j;
  }
  return enter;
}

Eigen::MatrixXd Columns(const Eigen::MatrixXd& e, const std::vector<Index>& which) {
  Eigen::MatrixXd columns(e.rows(), static_cast<Index>(which.size()));
  for (std::size_t k = 0; k < which.size(); ++k) columns.col(static_cast<Index>(k)) = e.col(which[k]);
  return columns;
}

}  // namespace

Eigen::VectorXd NonnegativeLeastSquares(const Eigen::MatrixXd& e, const Eigen::VectorXd& f) {
  Eigen::VectorXd lambda = Eigen::VectorXd::Zero(e.cols());
  std::vector<Index> passive;
  std::vector<bool> used(static_cast<std::size_t>(e.cols()), false);
  const double least = 1e-14 * f.norm();
  const Index most_steps = 10 * (e.rows() + 10) + 3 * e.cols();
  for (Index step = 0; step < most_steps; ++step) {
    const Index enter = Entering(e.transpose() * (f - e * lambda), used, least);
    if (enter < 0) break;
    passive.push_back(enter);
    used[static_cast<std::size_t>(enter)] = true;
    // Towards the least squares solution on the passive columns, stopping where one of them would turn negative.
    for (bool inside = false; !inside && !passive.empty();) {
      const Eigen::VectorXd solution = Columns(e, passive).colPivHouseholderQr().solve(f);
      double alpha = 1;
      for (std::size_t k = 0; k < passive.size(); ++k) {
        const double now = lambda[passive[k]], then = solution[static_cast<Index>(k)];
        if (!(then > 0)) alpha = std::min(alpha, now > then ? now / (now - then) : 0);
      }
      inside = alpha >= 1;
      std::vector<Index> left;
      for (std::size_t k = 0; k < passive.size(); ++k) {
        const Index j = passive[k];
        const double then = solution[static_cast<Index>(k)];
        lambda[j] += alpha * (then - lambda[j]);
        const bool leaves = !inside && !(then > 0) && !(lambda[j] > 1e-15);
        if (leaves) lambda[j] = 0;
        used[static_cast<std::size_t>(j)] = !leaves;
        if (!leaves) left.push_back(j);
      }
      // By rounding none may have left: then the step is over.
      if (left.size() == passive.size()) inside = true;
      passive = std::move(left);
    }
  }
  return lambda.cwiseMax(0);
}

}  // namespace cvxnn
