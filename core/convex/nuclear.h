// SPDX-License-Identifier: Apache-2.0
// The nuclear norm of every pattern's block, Σ_p ‖V_p‖_*, which is what plain weight decay of a network with several
// outputs comes to (Sahiner, Ergen & Pilanci, arXiv 2012.13329): its prox and the norm dual to it. Weights are d×(P·c)
// as in PatternOperator; V_p is the d×c block of pattern p.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cvxnn::convex {

/// ‖V_p‖₂, the largest singular value of every block: float64, P.
at::Tensor SpectralNorms(const at::Tensor& weights, std::int64_t outputs);

/// argmin_Z ½‖Z − W‖² + threshold·Σ_p ‖Z_p‖_*: singular values are lowered by the threshold, to 0 at least.
struct ShrunkBlocks {
  at::Tensor weights;
  at::Tensor values;  ///< singular values of the shrunk blocks, P·c, float64; exactly 0 where they are
};
ShrunkBlocks ShrinkBlocks(const at::Tensor& weights, std::int64_t outputs, double threshold);

/// Σ u vᵀ over the singular vectors of every block whose singular value is above 1e-7 of the block's largest: a
/// subgradient of Σ_p ‖V_p‖_*.
at::Tensor PolarBlocks(const at::Tensor& weights, std::int64_t outputs);

}  // namespace cvxnn::convex
