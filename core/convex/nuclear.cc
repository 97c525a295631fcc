// SPDX-License-Identifier: Apache-2.0
// Singular values through the eigenvalues of V_pᵀV_p, c×c and in float64: far cheaper than P decompositions of d×c, and
// accurate for singular values above 1e-8 of the largest.
#include "core/convex/nuclear.h"

#include <ATen/ATen.h>

#include <cmath>
#include <tuple>

namespace cvxnn::convex {
namespace {

at::Tensor Grams(const at::Tensor& weights, std::int64_t outputs) {
  const at::Tensor blocks = weights.to(at::kDouble).view({weights.size(0), -1, outputs}).permute({1, 0, 2});
  return at::bmm(blocks.transpose(1, 2), blocks);
}

}  // namespace

at::Tensor SpectralNorms(const at::Tensor& weights, std::int64_t outputs) {
  if (weights.numel() == 0) return at::zeros({weights.size(1) / outputs}, weights.options().dtype(at::kDouble));
  const at::Tensor grams = Grams(weights, outputs);
  // Eigenvalues of what is not finite are an error; a norm is not a number then.
  if (!grams.isfinite().all().item<bool>()) return at::full_like(grams.select(2, 0).select(1, 0), NAN);
  return at::linalg_eigvalsh(grams).amax(1).clamp_min_(0).sqrt_();
}

ShrunkBlocks ShrinkBlocks(const at::Tensor& weights, std::int64_t outputs, double threshold) {
  const at::Tensor grams = Grams(weights, outputs);
  if (!grams.isfinite().all().item<bool>()) {
    return {at::full_like(weights, NAN), at::full({weights.size(1)}, NAN, grams.options())};
  }
  const auto [squares, vectors] = at::linalg_eigh(grams);
  const at::Tensor values = squares.clamp_min(0).sqrt();  // P×c
  const at::Tensor shrunk = values.sub(threshold).clamp_min_(0);
  const at::Tensor factors = shrunk.div(values.clamp_min(1e-300)).unsqueeze(1);  // P×1×c
  const at::Tensor scale = at::bmm(vectors.mul(factors), vectors.transpose(1, 2)).to(weights.scalar_type());
  const at::Tensor blocks = weights.view({weights.size(0), -1, outputs}).permute({1, 0, 2});
  return {at::bmm(blocks, scale).permute({1, 0, 2}).reshape(weights.sizes()), shrunk.flatten()};
}

at::Tensor PolarBlocks(const at::Tensor& weights, std::int64_t outputs) {
  // Of a Gram matrix in float64 eigenvalues below the square of this are rounding.
  constexpr double kLeastShare = 1e-7;
  const at::Tensor grams = Grams(weights, outputs);
  if (!grams.isfinite().all().item<bool>()) return at::full_like(weights, NAN);
  const auto [squares, vectors] = at::linalg_eigh(grams);
  const at::Tensor values = squares.clamp_min(0).sqrt();  // P×c
  const at::Tensor least = values.amax(1, /*keepdim=*/true).mul_(kLeastShare);
  const at::Tensor factors =
      at::where(values.gt(least), values.clamp_min(1e-300).reciprocal(), at::zeros_like(values)).unsqueeze(1);
  const at::Tensor scale = at::bmm(vectors.mul(factors), vectors.transpose(1, 2)).to(weights.scalar_type());
  const at::Tensor blocks = weights.view({weights.size(0), -1, outputs}).permute({1, 0, 2});
  return at::bmm(blocks, scale).permute({1, 0, 2}).reshape(weights.sizes());
}

}  // namespace cvxnn::convex
