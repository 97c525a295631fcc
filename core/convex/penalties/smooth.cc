// SPDX-License-Identifier: Apache-2.0
// Penalties without a kink: ridge, and none. Their conjugates are made of ‖Q‖ of all columns of an output together.
#include <ATen/ATen.h>

#include <limits>

#include "core/convex/group_l2.h"
#include "core/convex/penalties/penalties.h"

namespace cvxnn::convex {
namespace {

class Smooth : public PenaltyFunction {
 public:
  explicit Smooth(std::int64_t outputs) : outputs_(outputs) {}
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    const at::Tensor norms = PerOutput(ColumnNorms(products));
    return errors.defined() ? norms.mul(kOwnRounding).add_(PerOutput(errors)) : norms;
  }
  at::Tensor JoinDualNorms(const std::vector<at::Tensor>& parts) const override {
    return at::linalg_vector_norm(at::stack(parts), 2, at::IntArrayRef{0});
  }

 private:
  at::Tensor PerOutput(const at::Tensor& columns) const {
    return at::linalg_vector_norm(columns.view({-1, outputs_}), 2, at::IntArrayRef{0});
  }
  std::int64_t outputs_;
};

class Ridge : public Smooth {
 public:
  using Smooth::Smooth;
  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    const at::Tensor shrunk = weights.div(1 + threshold);
    const at::Tensor norms = ColumnNorms(shrunk);
    return {shrunk, norms, norms.square().mul_(0.5)};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override { return weights.clone(); }
  Conjugate conjugate() const override { return Conjugate::kQuadratic; }
};

class NoPenalty : public Smooth {
 public:
  using Smooth::Smooth;
  PenalizedPoint Prox(const at::Tensor& weights, double /*threshold*/) const override {
    const at::Tensor norms = ColumnNorms(weights);
    return {weights.clone(), norms, at::zeros_like(norms)};
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override { return at::zeros_like(weights); }
  Conjugate conjugate() const override { return Conjugate::kSubspace; }
};

}  // namespace

std::unique_ptr<const PenaltyFunction> MakeRidge(std::int64_t outputs) { return std::make_unique<Ridge>(outputs); }
std::unique_ptr<const PenaltyFunction> MakeNoPenalty(std::int64_t outputs) {
  return std::make_unique<NoPenalty>(outputs);
}

}  // namespace cvxnn::convex
