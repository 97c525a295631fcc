// SPDX-License-Identifier: Apache-2.0
// QR of the transposed data; see rank_reduction.h. A basis larger than the rank does no harm: the extra directions are
// orthogonal to every row and stay zero under the penalty.
#include "core/convex/rank_reduction.h"

#include <ATen/ATen.h>

#include <tuple>

namespace cvxnn::convex {

RowSpace::RowSpace(const at::Tensor& features, bool allowed) {
  if (allowed && features.size(1) > features.size(0)) basis_ = std::get<0>(at::linalg_qr(features.t(), "reduced"));
}

at::Tensor RowSpace::Reduce(const at::Tensor& features) const {
  return basis_.defined() ? at::mm(features, basis_) : features;
}

at::Tensor RowSpace::Restore(const at::Tensor& weights) const {
  return basis_.defined() ? at::mm(basis_, weights) : weights;
}

at::Tensor RowSpace::Project(const at::Tensor& weights) const {
  return basis_.defined() ? at::mm(basis_.t(), weights) : weights;
}

}  // namespace cvxnn::convex
