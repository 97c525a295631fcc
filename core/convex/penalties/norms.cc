// SPDX-License-Identifier: Apache-2.0
// Penalties that are norms: group ℓ2, nuclear, ℓ1 and feature groups. Norms are raised by a few units in the last place
// for their own rounding, so that what they bound holds.
#include <ATen/ATen.h>

#include <limits>

#include "core/convex/group_l2.h"
#include "core/convex/nuclear.h"
#include "core/convex/penalties/penalties.h"

namespace cvxnn::convex {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Norms below it are 0 to a subgradient; a normal number of float32.
constexpr double kLeastNorm = 1e-37;

// `norms` with the errors of what they are norms of.
at::Tensor Raise(const at::Tensor& norms, const at::Tensor& errors, double own_rounding) {
  return errors.defined() ? norms.mul(own_rounding).add_(errors) : norms;
}

class GroupL2 : public PenaltyFunction {
 public:
  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    const ShrunkColumns shrunk = ShrinkColumns(weights, threshold);
    return {shrunk.weights, shrunk.norms, shrunk.norms};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override {
    return weights.div(ColumnNorms(weights).clamp_min(kLeastNorm).to(weights.scalar_type()));
  }
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    return Raise(ColumnNorms(products), errors, kOwnRounding);
  }
  bool BoundsColumns() const override { return true; }
};

class Nuclear : public PenaltyFunction {
 public:
  explicit Nuclear(std::int64_t outputs) : outputs_(outputs) {}
  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    const ShrunkBlocks shrunk = ShrinkBlocks(weights, outputs_, threshold);
    return {shrunk.weights, ColumnNorms(shrunk.weights), shrunk.values};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override { return PolarBlocks(weights, outputs_); }
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    // A spectral norm comes from the eigenvalues of a Gram matrix of d·c terms.
    const double own = 1 + static_cast<double>(64 + products.size(0) * outputs_) * kEpsilon;
    const at::Tensor blocks = errors.defined() ? errors.view({-1, outputs_}).square().sum(1).sqrt_() : errors;
    return Raise(SpectralNorms(products, outputs_), blocks, own);
  }
  bool CouplesOutputs() const override { return true; }
  std::int64_t Neurons(const at::Tensor& /*norms*/, const at::Tensor& terms) const override {
    return terms.count_nonzero().item<std::int64_t>();
  }
  int ProxCopies() const override { return 4; }

 private:
  std::int64_t outputs_;
};

class L1 : public PenaltyFunction {
 public:
  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    const at::Tensor shrunk = weights.sub(weights.clamp(-threshold, threshold));
    return {shrunk, ColumnNorms(shrunk),
            at::linalg_vector_norm(shrunk, 1, at::IntArrayRef{0}, /*keepdim=*/false, at::kDouble)};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override { return weights.sign(); }
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    if (products.size(0) == 0) return at::zeros({products.size(1)}, products.options().dtype(at::kDouble));
    return Raise(products.abs().amax(0).to(at::kDouble), errors, 1);
  }
  bool RotationInvariant() const override { return false; }
};

class FeatureGroups : public PenaltyFunction {
 public:
  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    const at::Tensor norms = RowNorms(weights);
    const at::Tensor shrunk = norms.sub(threshold).clamp_min_(0);
    const at::Tensor factors = shrunk.div(norms.clamp_min(1e-300)).to(weights.scalar_type()).unsqueeze(1);
    const at::Tensor result = weights.mul(factors);
    return {result, ColumnNorms(result), shrunk};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override {
    return weights.div(RowNorms(weights).clamp_min(kLeastNorm).to(weights.scalar_type()).unsqueeze(1));
  }
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    return Raise(RowNorms(products), errors.defined() ? errors.norm() : errors, kOwnRounding);
  }
  at::Tensor JoinDualNorms(const std::vector<at::Tensor>& parts) const override {
    return at::linalg_vector_norm(at::stack(parts), 2, at::IntArrayRef{0});
  }
  bool CouplesOutputs() const override { return true; }
  bool RotationInvariant() const override { return false; }

 private:
  static at::Tensor RowNorms(const at::Tensor& matrix) {
    return at::linalg_vector_norm(matrix, 2, at::IntArrayRef{1}, /*keepdim=*/false, at::kDouble);
  }
};

}  // namespace

std::unique_ptr<const PenaltyFunction> MakeGroupL2() { return std::make_unique<GroupL2>(); }
std::unique_ptr<const PenaltyFunction> MakeNuclear(std::int64_t outputs) { return std::make_unique<Nuclear>(outputs); }
std::unique_ptr<const PenaltyFunction> MakeL1() { return std::make_unique<L1>(); }
std::unique_ptr<const PenaltyFunction> MakeFeatureGroups() { return std::make_unique<FeatureGroups>(); }

}  // namespace cvxnn::convex
