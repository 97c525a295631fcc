// SPDX-License-Identifier: Apache-2.0
// Exact rank reduction (MATH, section 2): when rows are longer than there are rows (d > n), every optimum under a
// rotation-invariant penalty lies in the row space of X, so the program is solved on X·R̃ (n×r) and mapped back.
#pragma once

#include <ATen/core/Tensor.h>

namespace cvxnn::convex {

/// An orthonormal basis R̃ of a space that holds the row space of X, or none when that would not make X smaller.
class RowSpace {
 public:
  /// QR of Xᵀ when d > n (2·d·n² flops), in the dtype of X; otherwise, and unless `allowed`, nothing.
  explicit RowSpace(const at::Tensor& features, bool allowed = true);

  bool reduces() const { return basis_.defined(); }
  /// Rows X' (any count×d) in the basis: X'·R̃; X' itself when nothing is reduced.
  at::Tensor Reduce(const at::Tensor& features) const;
  /// Weights in the basis (r×m) as weights on the original columns (d×m): R̃·W.
  at::Tensor Restore(const at::Tensor& weights) const;
  /// The part in the row space of weights on the original columns (d×m), in the basis (r×m): R̃ᵀ·W. X·W is unchanged
  /// and no column grows, so neither do objectives.
  at::Tensor Project(const at::Tensor& weights) const;

 private:
  at::Tensor basis_;  // d×n
};

}  // namespace cvxnn::convex
