// SPDX-License-Identifier: Apache-2.0
// Projection on the null space of Fᵀ; see least_squares_bound.h.
#include "core/convex/least_squares_bound.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "core/convex/group_l2.h"

namespace cvxnn::convex {

std::vector<double> LeastSquaresBound(const at::Tensor& features, const at::Tensor& mask, const at::Tensor& targets) {
  const std::int64_t rows = features.size(0), inputs = features.size(1);
  std::vector<double> bounds(static_cast<std::size_t>(targets.size(1)), 0);
  if (rows > kMaxProjectedRows) return bounds;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const at::Tensor norms = ColumnNorms(features);
  const at::Tensor columns = features.to(at::kDouble).div(at::where(norms > 0, norms, at::ones_like(norms)));
  const auto [left, sizes, right] = at::linalg_svd(columns, /*full_matrices=*/false);
  const double least = static_cast<double>(std::max(rows, inputs)) * kEpsilon * sizes.max().item<double>();
  const at::Tensor basis = left.index_select(1, sizes.gt(least).nonzero().squeeze(1));
  const at::Tensor wide_mask = mask.to(at::kDouble);
  const auto [values, vectors] = at::linalg_eigh(at::mm(basis, basis.t()).mul_(at::mm(wide_mask, wide_mask.t())), "L");
  const double zero = 16 * static_cast<double>(rows) * kEpsilon * values.max().item<double>();
  const at::Tensor null = vectors.index_select(1, values.le(zero).nonzero().squeeze(1));
  const at::Tensor wide_targets = targets.to(at::kDouble);
  const at::Tensor squares = at::mm(null.t(), wide_targets).square().sum(0);
  const at::Tensor rounding = wide_targets.square().sum(0).mul_(64 * static_cast<double>(rows) * kEpsilon);
  const at::Tensor halves = squares.sub(rounding).clamp_min_(0).mul_(0.5).to(at::kCPU).contiguous();
  std::copy_n(halves.data_ptr<double>(), bounds.size(), bounds.begin());
  return bounds;
}

}  // namespace cvxnn::convex
