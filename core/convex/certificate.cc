// SPDX-License-Identifier: Apache-2.0
// Scaling of dual points to feasibility; see certificate.h.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/convex/group_l2.h"

namespace cvxnn::convex {

LowerBound::LowerBound(const at::Tensor& targets, double beta)
    : targets_(targets.to(at::kDouble)), beta_(beta), best_(static_cast<std::size_t>(targets.size(1)), 0.0) {}

void LowerBound::Offer(const at::Tensor& dual, const at::Tensor& constraints) {
  const auto outputs = static_cast<std::int64_t>(best_.size());
  const at::Tensor nu = dual.to(at::kDouble);
  const at::Tensor largest =
      constraints.size(1) == 0 ? at::zeros_like(nu.select(0, 0)) : ColumnNorms(constraints).view({-1, outputs}).amax(0);
  // One transfer for all three, since each waits for the device.
  const at::Tensor sums = at::stack({nu.mul(targets_).sum(0), nu.square().sum(0), largest}).to(at::kCPU).contiguous();
  const double epsilon = constraints.scalar_type() == at::kFloat ? std::numeric_limits<float>::epsilon()
                                                                 : std::numeric_limits<double>::epsilon();
  const auto* value = sums.data_ptr<double>();
  for (std::int64_t k = 0; k < outputs; ++k) {
    const double product = value[k], square = value[outputs + k];
    const double norm = value[2 * outputs + k] * (1 + 32 * epsilon);
    // max over τ in [0, β/norm] of τ·νᵀy − ½τ²‖ν‖², a parabola with its peak at νᵀy/‖ν‖².
    if (!(product > 0) || !(square > 0) || !std::isfinite(norm)) continue;
    const double peak = product / square;
    const double tau = norm > 0 ? std::min(peak, beta_ / norm) : peak;
    auto& best = best_[static_cast<std::size_t>(k)];
    best = std::max(best, tau * product - 0.5 * tau * tau * square);
  }
}

double LowerBound::value() const { return std::accumulate(best_.begin(), best_.end(), 0.0); }

}  // namespace cvxnn::convex
