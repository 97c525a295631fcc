// SPDX-License-Identifier: Apache-2.0
// One nonnegative least squares problem a column, or all columns at once; see cone_projection.h.
#include "core/convex/cone_projection.h"

#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "core/network/reduction/nonnegative_least_squares.h"

namespace cvxnn::convex {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The active set method factors matrices of up to this many rows again and again.
constexpr std::int64_t kMostExactInputs = 64;
constexpr int kMostSteps = 500;

at::Tensor Exact(const at::Tensor& features, const at::Tensor& signs, const at::Tensor& slopes) {
  const at::Tensor x = features.contiguous(), e = signs.t().contiguous(), g = slopes.t().contiguous();
  const Eigen::Map<const RowMajor> rows(x.data_ptr<double>(), x.size(0), x.size(1));
  // Columns of unit length, so that one tolerance does for all.
  const Eigen::VectorXd lengths = rows.rowwise().norm();
  const Eigen::VectorXd inverse = (lengths.array() > 0).select(lengths.cwiseInverse(), 0);
  const Eigen::MatrixXd unit = rows.transpose() * inverse.asDiagonal();
  at::Tensor multipliers = at::empty_like(e);  // m×n
  for (std::int64_t j = 0; j < e.size(0); ++j) {
    const Eigen::Map<const Eigen::VectorXd> sign(e.data_ptr<double>() + j * e.size(1), e.size(1));
    const Eigen::Map<const Eigen::VectorXd> slope(g.data_ptr<double>() + j * g.size(1), g.size(1));
    const Eigen::VectorXd lambda = NonnegativeLeastSquares(unit * sign.asDiagonal(), -slope);
    Eigen::Map<Eigen::VectorXd>(multipliers.data_ptr<double>() + j * e.size(1), e.size(1)) =
        lambda.cwiseProduct(inverse).cwiseProduct(sign);
  }
  return multipliers.t();
}

// Nesterov's method with restarts on ½‖g + Xᵀ(E∘λ)‖²; ‖X‖² comes from a few steps of power iteration.
at::Tensor Accelerated(const at::Tensor& features, const at::Tensor& signs, const at::Tensor& slopes) {
  at::Tensor power = at::ones({features.size(1)}, features.options());
  double lipschitz = 0;
  for (int step = 0; step < 30 && (step == 0 || lipschitz > 0); ++step) {
    power = at::mv(features.t(), at::mv(features, power.div(power.norm())));
    lipschitz = power.norm().item<double>();
  }
  at::Tensor lambda = at::zeros_like(signs);
  if (!(lipschitz > 0)) return lambda;
  lipschitz *= 1.05;
  const double scale = slopes.norm().item<double>();
  at::Tensor ahead = lambda;
  double t = 1, value = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    const at::Tensor left = at::mm(features.t(), signs.mul(ahead)).add_(slopes);
    const at::Tensor next = ahead.sub(at::mm(features, left).mul_(signs), 1 / lipschitz).clamp_min_(0);
    const double now = left.square().sum().item<double>();
    const double t_next = step > 0 && now > value ? 1 : (1 + std::sqrt(1 + 4 * t * t)) / 2;
    ahead = t_next == 1 ? next : next.add(next.sub(lambda), (t - 1) / t_next);
    // What it changes is looked at seldom: that is a product more.
    const bool settled =
        step % 20 == 19 && at::mm(features.t(), signs.mul(next.sub(lambda))).norm().item<double>() <= 1e-10 * scale;
    lambda = next;
    t = t_next;
    value = now;
    if (settled) break;
  }
  return lambda.mul_(signs);
}

}  // namespace

at::Tensor ConeMultipliers(const at::Tensor& features, const at::Tensor& signs, const at::Tensor& slopes) {
  return features.size(1) <= kMostExactInputs ? Exact(features, signs, slopes) : Accelerated(features, signs, slopes);
}

}  // namespace cvxnn::convex
