// SPDX-License-Identifier: Apache-2.0
// The linear map F = [D_1 X … D_P X] behind every solver, as products with X and masks: neither F nor any D_p X is ever
// formed. One pass, F·u or Fᵀ·r, is a GEMM of 2·n·d·P·c flops.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace cvxnn::convex {

/// Elements of a block in all products that run in blocks.
inline constexpr std::int64_t kBlockElements = std::int64_t{1} << 25;

/// Hears a block of columns of a product, d×m in float64, and the number of its first column.
using ProductVisitor = std::function<void(std::int64_t first, const at::Tensor& product)>;

/// F for features X (n×d), a mask (n×P, bool) and c outputs. Weights are d×(P·c): column p·c + k is block (p, k).
/// Products run in blocks of patterns, so that at most ~256 MiB are held beside arguments and results.
class PatternOperator {
 public:
  PatternOperator(at::Tensor features, at::Tensor mask, std::int64_t outputs);

  std::int64_t rows() const { return features_.size(0); }
  std::int64_t inputs() const { return features_.size(1); }
  std::int64_t patterns() const { return mask_.size(1); }
  std::int64_t outputs() const { return outputs_; }
  std::int64_t blocks() const { return patterns() * outputs_; }
  const at::Tensor& features() const { return features_; }
  const at::Tensor& mask() const { return mask_; }

  /// F·u, n×c. When `columns` (int64, strictly increasing) is given, `weights` holds only those of the P·c columns
  /// (d×A) and the others count as zero.
  at::Tensor Apply(const at::Tensor& weights) const;
  at::Tensor ApplyColumns(const at::Tensor& weights, const at::Tensor& columns) const;

  /// Fᵀ·r for r n×c: d×(P·c), column p·c + k is Xᵀ D_p r_k.
  at::Tensor Adjoint(const at::Tensor& residual) const;

  /// ‖Xᵀ D_p r_k‖₂ of every block in float64 (P·c), for r n×c in float64, whatever the dtype of X.
  at::Tensor AdjointNorms(const at::Tensor& residual) const;

  /// Visits Fᵀ·r in blocks of whole patterns, likewise.
  void VisitAdjoint(const at::Tensor& residual, const ProductVisitor& visit) const;

 private:
  at::Tensor features_;
  at::Tensor mask_;
  std::int64_t outputs_;
};

/// Visits Xᵀ C for C n×m, computed in float64 whatever the dtypes, in blocks of a multiple of `multiple` columns.
void VisitProducts(const at::Tensor& features, const at::Tensor& columns, std::int64_t multiple,
                   const ProductVisitor& visit);

/// (P·c)×c matrix of 0/1 that sums blocks into their outputs, for blocks `columns` of a layout with c outputs; its
/// rows are negated for columns >= `negative_from` (the w blocks of a ReLU program).
at::Tensor OutputSelector(const at::Tensor& columns, std::int64_t outputs, std::int64_t negative_from,
                          const at::TensorOptions& options);

}  // namespace cvxnn::convex
