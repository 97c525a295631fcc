// SPDX-License-Identifier: Apache-2.0
// Scaling of dual points to feasibility; see certificate.h.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/convex/group_l2.h"

namespace cvxnn::convex {

LowerBound::LowerBound(const at::Tensor& targets, double beta, double features_norm, Loss loss)
    : loss_(loss),
      dual_loss_(*DualOf(loss)),
      targets_(targets.to(at::kDouble)),
      narrow_(targets.scalar_type() == at::kFloat),
      beta_(beta),
      features_norm_(features_norm),
      best_(static_cast<std::size_t>(DualOf(loss)->CouplesOutputs() ? 1 : targets.size(1))) {}

at::Tensor LowerBound::Raised(const at::Tensor& norms, const at::Tensor& sizes) const {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double gamma = 0.5 * kEpsilon * static_cast<double>(targets_.size(0) + 2);
  // The first factor is for the norm itself.
  return norms.mul(1 + 32 * kEpsilon).add_(sizes, gamma * features_norm_);
}

std::vector<double> LowerBound::Values(const at::Tensor& dual, const at::Tensor& norms) const {
  const std::int64_t outputs = targets_.size(1);
  const at::Tensor largest = norms.numel() == 0 ? at::zeros_like(dual.select(0, 0)) : norms.view({-1, outputs}).amax(0);
  if (loss_ != Loss::kSquared) {
    const at::Tensor reach = dual_loss_.CouplesOutputs() ? largest.max().unsqueeze(0) : largest;
    // Towards 0 the dual falls from a point that is a gradient near the optimum, so the longest scale is the best.
    const at::Tensor values =
        dual_loss_.Values(dual.mul(reach.reciprocal().mul_(beta_).clamp_max_(1)), targets_).to(at::kCPU).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }
  // One transfer for all three, since each waits for the device.
  const at::Tensor sums = at::stack({dual.mul(targets_).sum(0), dual.square().sum(0), largest}).to(at::kCPU);
  const auto sum = sums.accessor<double, 2>();
  std::vector<double> values(best_.size(), 0);
  for (std::int64_t k = 0; k < outputs; ++k) {
    const double product = sum[0][k], square = sum[1][k], norm = sum[2][k];
    // max over τ in [0, β/norm] of τ·νᵀy − ½τ²‖ν‖², a parabola with its peak at νᵀy/‖ν‖².
    if (!(product > 0) || !(square > 0) || !std::isfinite(norm)) continue;
    const double peak = product / square;
    const double tau = norm > 0 ? std::min(peak, beta_ / norm) : peak;
    values[static_cast<std::size_t>(k)] = tau * product - 0.5 * tau * tau * square;
  }
  return values;
}

void LowerBound::Offer(const at::Tensor& dual, const at::Tensor& constraints, const at::Tensor& row_side,
                       const at::Tensor& sizes) {
  const std::int64_t outputs = targets_.size(1);
  const at::Tensor nu = dual_loss_.IntoDomain(dual.to(at::kDouble), targets_);
  at::Tensor norms = ColumnNorms(constraints);
  if (!narrow_) {
    const at::Tensor per_output = sizes.defined() ? sizes : ColumnNorms(nu);
    norms = Raised(norms, row_side.defined() ? ColumnNorms(row_side) : per_output.repeat(norms.size(0) / outputs));
  }
  const std::vector<double> values = Values(nu, norms);
  for (std::size_t k = 0; k < best_.size(); ++k) {
    if (!(values[k] > best_[k].value)) continue;
    best_[k].value = values[k];
    if (!narrow_) continue;
    const std::int64_t first = static_cast<std::int64_t>(k) * Width();
    best_[k].dual = dual.narrow(1, first, Width()).clone();
    if (!row_side.defined()) continue;
    best_[k].row_side = row_side.view({dual.size(0), -1, outputs}).narrow(2, first, Width()).clone();
  }
}

void LowerBound::Certify(const PatternOperator& original) {
  if (!narrow_) return;
  std::vector<at::Tensor> duals, row_sides;
  const auto like = std::find_if(best_.begin(), best_.end(), [](const Best& best) { return best.row_side.defined(); });
  for (const Best& best : best_) {
    duals.push_back(best.dual.defined() ? best.dual.to(at::kDouble) : at::zeros_like(targets_.narrow(1, 0, Width())));
    if (like == best_.end()) continue;
    row_sides.push_back(best.row_side.defined() ? best.row_side : at::zeros_like(like->row_side));
  }
  const at::Tensor dual = dual_loss_.IntoDomain(at::cat(duals, 1), targets_);
  at::Tensor norms, sizes;
  if (row_sides.empty()) {
    norms = original.AdjointNorms(dual);
    sizes = ColumnNorms(dual).repeat(original.patterns());
  } else {
    const at::Tensor row_side = at::cat(row_sides, 2).flatten(1);
    norms = ProductNorms(original.features(), row_side);
    sizes = ColumnNorms(row_side);
  }
  const std::vector<double> values = Values(dual, Raised(norms, sizes));
  for (std::size_t k = 0; k < best_.size(); ++k) best_[k].value = values[k];
}

double LowerBound::value() const {
  double sum = 0;
  for (const Best& best : best_) sum += best.value;
  return sum;
}

}  // namespace cvxnn::convex
