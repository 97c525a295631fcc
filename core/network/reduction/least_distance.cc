// SPDX-License-Identifier: Apache-2.0
// Nonnegative least squares on min ‖Eλ − f‖ with E = [Gᵀ; hᵀ] and f = (0, …, 0, 1); see least_distance.h.
#include "core/network/reduction/least_distance.h"

#include "core/network/reduction/nonnegative_least_squares.h"

namespace cvxnn {
namespace {

// The residual r = f − Eλ has a last entry ‖r‖² = 1/(1 + ‖x‖²); at this one x would be 10⁵ long.
constexpr double kInfeasible = 1e-10;

}  // namespace

std::optional<Eigen::VectorXd> LeastDistance(const Eigen::MatrixXd& g, const Eigen::VectorXd& h) {
  const Eigen::Index size = g.cols();
  // Rows of unit length change no constraint; rows of zeros bind nobody or cannot be met.
  Eigen::MatrixXd e = Eigen::MatrixXd::Zero(size + 1, g.rows());
  for (Eigen::Index i = 0; i < g.rows(); ++i) {
    const double norm = g.row(i).norm();
    if (!(norm > 0)) {
      if (h[i] > 0) return std::nullopt;
      continue;
    }
    e.col(i).head(size) = g.row(i).transpose() / norm;
    e(size, i) = h[i] / norm;
  }
  const Eigen::VectorXd f = Eigen::VectorXd::Unit(size + 1, size);
  const Eigen::VectorXd residual = f - e * NonnegativeLeastSquares(e, f);
  const double last = residual[size];
  if (!(last > kInfeasible) || !residual.allFinite()) return std::nullopt;
  return Eigen::VectorXd(residual.head(size) / -last);
}

}  // namespace cvxnn
