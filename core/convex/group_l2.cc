// SPDX-License-Identifier: Apache-2.0
// Column norms and block soft-thresholding; see group_l2.h.
#include "core/convex/group_l2.h"

#include <ATen/ATen.h>

namespace cvxnn::convex {

at::Tensor ColumnNorms(const at::Tensor& weights) {
  return at::linalg_vector_norm(weights, 2, at::IntArrayRef{0}, /*keepdim=*/false, at::kDouble);
}

ShrunkColumns ShrinkColumns(const at::Tensor& weights, double threshold) {
  const at::Tensor norms = ColumnNorms(weights);
  const at::Tensor shrunk = norms.sub(threshold).clamp_min_(0);
  // A column of norm 0 stays 0: its factor is 0 / tiny.
  const at::Tensor factors = shrunk.div(norms.clamp_min(1e-300));
  return {weights.mul(factors.to(weights.scalar_type())), shrunk};
}

}  // namespace cvxnn::convex
