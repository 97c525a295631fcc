// SPDX-License-Identifier: Apache-2.0
// Scaling of dual points to feasibility; see certificate.h.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/convex/group_l2.h"
#include "core/convex/nuclear.h"

namespace cvxnn::convex {

LowerBound::LowerBound(const at::Tensor& targets, double beta, double features_norm, Loss loss, bool nuclear)
    : loss_(loss),
      dual_loss_(*DualOf(loss)),
      targets_(targets.to(at::kDouble)),
      narrow_(targets.scalar_type() == at::kFloat),
      beta_(beta),
      features_norm_(features_norm),
      nuclear_(nuclear),
      best_(static_cast<std::size_t>(nuclear || DualOf(loss)->CouplesOutputs() ? 1 : targets.size(1))) {}

at::Tensor LowerBound::Raised(const at::Tensor& norms, const at::Tensor& sizes, std::int64_t inputs) const {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double gamma = 0.5 * kEpsilon * static_cast<double>(targets_.size(0) + 2);
  // The first factor is for the norm itself; a spectral norm comes from the eigenvalues of a d·c-term Gram matrix.
  const double own = nuclear_ ? static_cast<double>(64 + inputs * targets_.size(1)) : 32;
  return norms.mul(1 + own * kEpsilon).add_(sizes, gamma * features_norm_);
}

std::vector<double> LowerBound::Values(const at::Tensor& dual, const at::Tensor& norms) const {
  const std::int64_t outputs = targets_.size(1);
  const bool coupled = Width() == outputs;
  at::Tensor largest =
      norms.numel() == 0 ? at::zeros_like(dual.select(0, 0)) : norms.view({-1, nuclear_ ? 1 : outputs}).amax(0);
  if (coupled) largest = largest.amax().unsqueeze(0);
  if (loss_ != Loss::kSquared) {
    // Towards 0 the dual falls from a point that is a gradient near the optimum, so the longest scale is the best.
    at::Tensor values = dual_loss_.Values(dual.mul(largest.reciprocal().mul_(beta_).clamp_max_(1)), targets_);
    if (coupled) values = values.sum().unsqueeze(0);
    values = values.to(at::kCPU).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }
  const auto total = [&](const at::Tensor& x) { return coupled ? x.sum().unsqueeze(0) : x.sum(0); };
  // One transfer for all three, since each waits for the device.
  const at::Tensor sums = at::stack({total(dual.mul(targets_)), total(dual.square()), largest}).to(at::kCPU);
  const auto sum = sums.accessor<double, 2>();
  std::vector<double> values(best_.size(), 0);
  for (std::int64_t k = 0; k < sums.size(1); ++k) {
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
  at::Tensor norms = nuclear_ ? SpectralNorms(constraints, outputs) : ColumnNorms(constraints);
  if (!narrow_) {
    const at::Tensor per_output = nuclear_ ? nu.norm().unsqueeze(0) : sizes.defined() ? sizes : ColumnNorms(nu);
    norms = Raised(norms,
                   row_side.defined() ? ColumnNorms(row_side) : per_output.repeat(norms.size(0) / per_output.size(0)),
                   constraints.size(0));
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
    norms = nuclear_ ? original.AdjointSpectralNorms(dual) : original.AdjointNorms(dual);
    sizes = nuclear_ ? dual.norm().repeat({original.patterns()}) : ColumnNorms(dual).repeat(original.patterns());
  } else {
    const at::Tensor row_side = at::cat(row_sides, 2).flatten(1);
    norms = ProductNorms(original.features(), row_side);
    sizes = ColumnNorms(row_side);
  }
  const std::vector<double> values = Values(dual, Raised(norms, sizes, original.inputs()));
  for (std::size_t k = 0; k < best_.size(); ++k) best_[k].value = values[k];
}

double LowerBound::value() const {
  double sum = 0;
  for (const Best& best : best_) sum += best.value;
  return sum;
}

}  // namespace cvxnn::convex
