// SPDX-License-Identifier: Apache-2.0
// Gram matrices of the span and what to do with the best combination; see dual_span.h.
#include "core/convex/dual_span.h"

#include <ATen/ATen.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/convex/ball_quadratic.h"
#include "core/convex/group_l2.h"
#include "core/convex/solve_state.h"

namespace cvxnn::convex {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Elements of constraints stacked at a time.
constexpr std::int64_t kChunkElements = std::int64_t{1} << 22;

at::TensorOptions OnHost() { return at::TensorOptions().dtype(at::kDouble).device(at::kCPU); }

// Directions of the span shorter than this share of the longest are rounding.
double LeastShare(const at::Tensor& x) { return x.scalar_type() == at::kFloat ? 1e-4 : 1e-7; }

MatrixXd ToMatrix(const at::Tensor& square) {
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      square.data_ptr<double>(), square.size(0), square.size(1));
}

// The best coefficients for one output: `gram` K×K of the points, `products` K with the targets, `balls` P×K×K, all
// float64 on the CPU and contiguous. Point 0 is the latest.
VectorXd Coefficients(const at::Tensor& gram, const at::Tensor& products, const at::Tensor& balls, double beta,
                      double least_share) {
  // A basis in which the points' Gram matrix is the identity.
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(ToMatrix(gram));
  const VectorXd values = eigen.eigenvalues();
  const auto points = values.size();
  VectorXd latest = VectorXd::Zero(points);
  latest[0] = 1;
  const double largest = values[points - 1];
  if (!(largest > 0)) return latest;
  Eigen::Index kept = 0;
  while (kept < points && values[points - 1 - kept] > least_share * least_share * largest) ++kept;
  const MatrixXd basis =
      eigen.eigenvectors().rightCols(kept) * values.tail(kept).cwiseSqrt().cwiseInverse().asDiagonal();

  std::vector<MatrixXd> reduced;
  for (std::int64_t p = 0; p < balls.size(0); ++p) {
    reduced.emplace_back(basis.transpose() * ToMatrix(balls.select(0, p)) * basis);
  }
  const VectorXd b = basis.transpose() * Eigen::Map<const VectorXd>(products.data_ptr<double>(), points);
  // The latest point, scaled to where it is best and strictly feasible.
  VectorXd start = basis.transpose() * ToMatrix(gram) * latest;
  double norm = 0;
  for (const MatrixXd& ball : reduced) norm = std::max(norm, std::sqrt(std::max(0.0, start.dot(ball * start))));
  const double peak = b.dot(start) / start.squaredNorm();
  if (!(peak > 0)) return latest;
  start *= norm > 0 ? std::min(peak, 0.99 * beta / norm) : peak;
  return basis * MaximizeOverBalls(MatrixXd::Identity(kept, kept), b, reduced, beta, start);
}

}  // namespace

void DualSpan::Add(const at::Tensor& dual, const at::Tensor& constraints, LowerBound& bound) {
  points_.push_front({dual, constraints});
  if (static_cast<std::int64_t>(points_.size()) > kSpanPoints) points_.pop_back();
  if (++calls_ % kSpanInterval == 0) OfferBest(bound);
}

void DualSpan::Save(const std::string& prefix, descent::State* state) const {
  (*state)[prefix + "calls"] = calls_;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    SaveMatrix(prefix + std::to_string(i) + "/dual", points_[i].dual, state);
    SaveMatrix(prefix + std::to_string(i) + "/constraints", points_[i].constraints, state);
  }
}

void DualSpan::Load(const std::string& prefix, descent::StateReader* reader) {
  calls_ = reader->Integer(prefix + "calls");
  const auto count = std::min<std::int64_t>(calls_, kSpanPoints);
  points_.clear();
  for (std::int64_t i = 0; i < count && reader->status().ok(); ++i) {
    const std::string name = prefix + std::to_string(i) + "/";
    Point point{LoadMatrix(name + "dual", targets_.options(), reader),
                LoadMatrix(name + "constraints", targets_.options(), reader)};
    if (!point.dual.defined() || !point.constraints.defined()) return reader->Refuse(name);
    points_.push_back(std::move(point));
  }
}

at::Tensor DualSpan::Sides(std::int64_t point, std::int64_t begin, std::int64_t count) const {
  const auto index = static_cast<std::size_t>(point);
  const at::Tensor sides = points_[index].constraints.narrow(1, begin, count);
  return point == 0 ? sides : points_[index - 1].constraints.narrow(1, begin, count).sub(sides);
}

at::Tensor DualSpan::Balls() const {
  const auto points = static_cast<std::int64_t>(points_.size());
  const at::Tensor& like = points_[0].constraints;
  const std::int64_t blocks = like.size(1);
  const std::int64_t chunk =
      std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, points * like.size(0)));
  at::Tensor balls = at::empty({blocks, points, points}, OnHost());
  for (std::int64_t begin = 0; begin < blocks; begin += chunk) {
    const std::int64_t count = std::min(chunk, blocks - begin);
    std::vector<at::Tensor> sides;
    for (std::int64_t i = 0; i < points; ++i) sides.push_back(Sides(i, begin, count).t());
    const at::Tensor stacked = at::stack(sides, 1);  // count×K×d
    balls.narrow(0, begin, count).copy_(at::bmm(stacked, stacked.transpose(1, 2)));
  }
  return balls;
}

void DualSpan::OfferBest(LowerBound& bound) const {
  const auto points = static_cast<std::int64_t>(points_.size());
  const std::int64_t outputs = targets_.size(1), blocks = points_[0].constraints.size(1), patterns = blocks / outputs;
  std::vector<at::Tensor> duals;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    duals.push_back(i == 0 ? points_[0].dual : points_[i - 1].dual.sub(points_[i].dual));
  }
  const at::Tensor dual = at::stack(duals, 0).to(at::kDouble).permute({2, 0, 1});  // c×K×n
  const at::Tensor targets = targets_.to(at::kDouble).t().unsqueeze(2);            // c×n×1
  const at::Tensor grams = at::bmm(dual, dual.transpose(1, 2)).to(at::kCPU).contiguous();
  const at::Tensor products = at::bmm(dual, targets).squeeze(2).to(at::kCPU).contiguous();
  const at::Tensor balls = Balls().view({patterns, outputs, points, points}).transpose(0, 1).contiguous();
  if (!balls.isfinite().all().item<bool>() || !grams.isfinite().all().item<bool>()) return;

  at::Tensor coefficients = at::empty({points, outputs}, OnHost());
  auto entry = coefficients.accessor<double, 2>();
  for (std::int64_t k = 0; k < outputs; ++k) {
    const VectorXd best =
        Coefficients(grams.select(0, k), products.select(0, k), balls.select(0, k), beta_, LeastShare(targets_));
    for (std::int64_t i = 0; i < points; ++i) entry[i][k] = best[i];
  }
  coefficients = coefficients.to(targets_.device());
  const at::Tensor weights = coefficients.to(targets_.scalar_type());
  at::Tensor best = at::zeros_like(targets_), sides = at::zeros_like(points_[0].constraints);
  at::Tensor sizes = at::zeros({outputs}, coefficients.options());
  for (std::int64_t i = 0; i < points; ++i) {
    const auto index = static_cast<std::size_t>(i);
    best.addcmul_(duals[index], weights[i]);
    sides.addcmul_(Sides(i, 0, blocks), weights[i].repeat({patterns}));
    // What the differences are made of bounds their rounding too.
    at::Tensor size = ColumnNorms(points_[index].dual);
    if (i > 0) size = size.add(ColumnNorms(points_[index - 1].dual));
    sizes.addcmul_(size, coefficients[i].abs());
  }
  // Each term of the combination rounds a few times more.
  const double rounding = 1 + 4.0 * static_cast<double>(points) / static_cast<double>(targets_.size(0) + 2);
  bound.Offer(best, sides, {}, sizes.mul(rounding));
}

}  // namespace cvxnn::convex
