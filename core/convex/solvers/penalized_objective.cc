// SPDX-License-Identifier: Apache-2.0
// Rows in pieces, so that products of all patterns with one piece fit; see penalized_objective.h.
#include "core/convex/solvers/penalized_objective.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/network/loss_function.h"

namespace cvxnn::convex {

PenalizedObjective::PenalizedObjective(const HalfSumProblem& problem, bool cones, double rho)
    : problem_(problem), cones_(cones), rho_(rho) {}

PenalizedSums PenalizedObjective::Pass(const at::Tensor& weights, const at::Tensor& rows, at::Tensor* gradient,
                                       DualRows* duals) const {
  const PatternOperator& map = problem_.map;
  const LossFunction& loss = FunctionOf(problem_.loss);
  const std::int64_t count = rows.defined() ? rows.size(0) : map.rows(), patterns = map.patterns();
  const std::int64_t piece = std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, columns()));
  const auto part = [&](const at::Tensor& of, std::int64_t begin, std::int64_t size) {
    return rows.defined() ? of.index_select(0, rows.narrow(0, begin, size)) : of.narrow(0, begin, size);
  };
  PenalizedSums sums;
  for (std::int64_t begin = 0; begin < count; begin += piece) {
    const std::int64_t size = std::min(piece, count - begin);
    const at::Tensor x = part(map.features(), begin, size), targets = part(problem_.targets, begin, size);
    const at::Tensor mask = part(map.mask(), begin, size).to(x.scalar_type()).unsqueeze(2);  // b×P×1
    const at::Tensor products = at::mm(x, weights).view({size, cones_ ? 2 : 1, patterns, map.outputs()});
    const at::Tensor inner = cones_ ? products.select(1, 0).sub(products.select(1, 1)) : products.select(1, 0);
    const at::Tensor outputs = inner.mul(mask).sum(1);
    sums.loss += 0.5 * loss.Sum(outputs, targets).item<double>();
    // E_p ∘ X u, whose negative entries are outside the cone.
    at::Tensor sign, outside;
    if (cones_) {
      sign = mask.mul(2).sub_(1).unsqueeze(1);  // b×1×P×1
      const at::Tensor signed_products = products.mul(sign);
      sums.violation -= signed_products.clamp_max(0).sum(at::kDouble).item<double>();
      outside = signed_products.lt(0);
    }
    if (gradient == nullptr) continue;

    const at::Tensor dual = loss.Gradient(outputs, targets).mul_(-0.5);
    const at::Tensor masked = dual.unsqueeze(1).mul(mask);  // b×P×c
    at::Tensor row_side = masked;
    if (cones_) {
      row_side = outside.to(x.scalar_type()).mul_(sign).mul_(rho_);
      row_side.select(1, 0).add_(masked);
      row_side.select(1, 1).sub_(masked);
    }
    row_side = row_side.reshape({size, columns()});
    gradient->addmm_(x.t(), row_side, 1, -1);
    const auto put = [&](const at::Tensor& to, const at::Tensor& values) {
      rows.defined() ? to.index_copy_(0, rows.narrow(0, begin, size), values) : to.narrow(0, begin, size).copy_(values);
    };
    put(duals->dual, dual);
    if (cones_) put(duals->row_side, row_side);
  }
  return sums;
}

double PenalizedObjective::Value(const PenalizedSums& sums, const at::Tensor& weights) const {
  return sums.loss + rho_ * sums.violation +
         problem_.beta * problem_.penalty.Prox(weights, 0).terms.sum().item<double>();
}

}  // namespace cvxnn::convex
