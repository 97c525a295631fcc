// SPDX-License-Identifier: Apache-2.0
// A penalty that is infinite unless some of the blocks are zero, and otherwise another one. The other one is the same
// for every sign of a column and does not fall when a column is added, so its prox is taken after the blocks are zero.
#include <ATen/ATen.h>

#include <utility>

#include "core/convex/penalties/penalties.h"

namespace cvxnn::convex {
namespace {

class Confined : public PenaltyFunction {
 public:
  Confined(std::unique_ptr<const PenaltyFunction> inner, const at::Tensor& blocks)
      : inner_(std::move(inner)), blocks_(blocks.to(at::kBool)) {}

  PenalizedPoint Prox(const at::Tensor& weights, double threshold) const override {
    return inner_->Prox(Confine(weights), threshold);
  }
  at::Tensor Subgradient(const at::Tensor& weights) const override { return inner_->Subgradient(Confine(weights)); }
  at::Tensor Confine(const at::Tensor& weights) const override { return weights.mul(blocks_); }
  Conjugate conjugate() const override { return inner_->conjugate(); }
  at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const override {
    return inner_->DualNorms(products, errors);
  }
  at::Tensor JoinDualNorms(const std::vector<at::Tensor>& parts) const override { return inner_->JoinDualNorms(parts); }
  bool CouplesOutputs() const override { return inner_->CouplesOutputs(); }
  bool RotationInvariant() const override { return inner_->RotationInvariant(); }
  std::int64_t Neurons(const at::Tensor& norms, const at::Tensor& terms) const override {
    return inner_->Neurons(norms, terms);
  }
  bool BoundsColumns() const override { return inner_->BoundsColumns(); }
  int ProxCopies() const override { return inner_->ProxCopies() + 1; }

 private:
  std::unique_ptr<const PenaltyFunction> inner_;
  at::Tensor blocks_;
};

}  // namespace

std::unique_ptr<const PenaltyFunction> MakeConfined(std::unique_ptr<const PenaltyFunction> inner,
                                                    const at::Tensor& blocks) {
  return std::make_unique<Confined>(std::move(inner), blocks);
}

}  // namespace cvxnn::convex
