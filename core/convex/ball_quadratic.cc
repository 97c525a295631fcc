// SPDX-License-Identifier: Apache-2.0
// Barrier and Newton; see ball_quadratic.h.
#include "core/convex/ball_quadratic.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

namespace cvxnn::convex {
namespace {

// Each stage divides the weight of the barrier by this, until what it can cost is below this share of the value.
constexpr double kStage = 10;
constexpr double kAccuracy = 1e-5;
constexpr int kNewtonSteps = 12;
constexpr int kHalvings = 30;

struct Barrier {
  const Eigen::MatrixXd& a;
  const Eigen::VectorXd& b;
  const std::vector<Eigen::MatrixXd>& balls;
  double square;  // radius²

  double Quadratic(const Eigen::VectorXd& point) const { return b.dot(point) - 0.5 * point.dot(a * point); }

  // Quadratic + weight·Σ log slack; −∞ outside.
  double Value(const Eigen::VectorXd& point, double weight) const {
    double sum = 0;
    for (const Eigen::MatrixXd& ball : balls) {
      const double slack = 1 - point.dot(ball * point) / square;
      if (!(slack > 0)) return -std::numeric_limits<double>::infinity();
      sum += std::log(slack);
    }
    return Quadratic(point) + weight * sum;
  }

  // The direction of Newton's method, and through `decrement` the rise that its model promises, doubled.
  Eigen::VectorXd Direction(const Eigen::VectorXd& point, double weight, double* decrement) const {
    Eigen::VectorXd gradient = b - a * point;
    Eigen::MatrixXd curvature = a;  // of the negated function
    for (const Eigen::MatrixXd& ball : balls) {
      const Eigen::VectorXd image = ball * point;
      const double slack = square - point.dot(image);
      gradient -= (2 * weight / slack) * image;
      curvature += (2 * weight / slack) * ball + (4 * weight / (slack * slack)) * (image * image.transpose());
    }
    curvature.diagonal().array() += 1e-14 * curvature.trace();
    Eigen::VectorXd direction = curvature.ldlt().solve(gradient);
    *decrement = gradient.dot(direction);
    return direction;
  }
};

}  // namespace

Eigen::VectorXd MaximizeOverBalls(const Eigen::MatrixXd& a, const Eigen::VectorXd& b,
                                  const std::vector<Eigen::MatrixXd>& balls, double radius,
                                  const Eigen::VectorXd& start) {
  const Barrier barrier{a, b, balls, radius * radius};
  const auto count = static_cast<double>(std::max<std::size_t>(1, balls.size()));
  Eigen::VectorXd point = start;
  const double scale = std::abs(barrier.Quadratic(start));
  for (double weight = 0.1 * scale / count; weight * count > kAccuracy * scale; weight /= kStage) {
    for (int step = 0; step < kNewtonSteps; ++step) {
      double decrement = 0;
      const Eigen::VectorXd direction = barrier.Direction(point, weight, &decrement);
      if (!std::isfinite(decrement)) return start;
      if (decrement <= 0.1 * weight * count) break;
      const double before = barrier.Value(point, weight);
      double length = 1;
      for (int halving = 0; halving < kHalvings; ++halving, length *= 0.5) {
        if (barrier.Value(point + length * direction, weight) >= before + 0.1 * length * decrement) break;
      }
      point += length * direction;
    }
  }
  const double reached = barrier.Value(point, 0);
  return reached >= barrier.Quadratic(start) ? point : start;
}

}  // namespace cvxnn::convex
