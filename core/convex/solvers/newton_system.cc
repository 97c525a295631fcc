// SPDX-License-Identifier: Apache-2.0
// Small inverses and one factor for the rows; see newton_system.h.
#include "core/convex/solvers/newton_system.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace cvxnn::convex {
namespace {

// Up to this many inputs all CᵀΘ_jC come from one product with the rows' outer products.
constexpr std::int64_t kOuterProductInputs = 16;
// A long block has next to no curvature along itself; its inverse would drown the rest of the coupling matrix. What the
// shift spoils, where the loss bends more than that, refinement repairs.
constexpr double kLeastCurvature = 1e-12;
constexpr double kFirstShift = 1e-15;
constexpr double kLargestShift = 1e-7;

// Lower Cholesky factors of symmetric matrices …×d×d, whose diagonals are raised by as little as it takes.
absl::StatusOr<at::Tensor> Factored(const at::Tensor& matrices) {
  const at::Tensor diagonal = matrices.diagonal(0, -2, -1).clone();
  if (!diagonal.isfinite().all().item<bool>()) return absl::InternalError("interior point: a matrix is not finite");
  for (double shift = kFirstShift; shift <= kLargestShift; shift *= 10) {
    at::Tensor shifted = matrices.clone();
    shifted.diagonal(0, -2, -1).add_(diagonal, shift);
    auto [factor, info] = at::linalg_cholesky_ex(shifted);
    if (info.count_nonzero().item<std::int64_t>() == 0) return factor;
  }
  return absl::InternalError("interior point: a matrix is not positive definite at this precision");
}

}  // namespace

double NewtonSystemBytes(double rows, double inputs, double blocks) {
  const double outer = inputs <= static_cast<double>(kOuterProductInputs) ? rows * inputs * inputs : rows * inputs;
  return 8 * (5 * rows * rows + 5 * blocks * inputs * inputs + 2 * rows * inputs + outer) + rows * blocks;
}

NewtonSystem::NewtonSystem(at::Tensor features, at::Tensor signed_mask, at::Tensor cone_rows)
    : features_(features.contiguous()), signed_mask_(std::move(signed_mask)), cone_rows_(std::move(cone_rows)) {
  const std::int64_t blocks = signed_mask_.size(0);
  pattern_mask_ = signed_mask_.narrow(0, 0, cone_rows_.defined() ? blocks / 2 : blocks).ne(0);
}

at::Tensor NewtonSystem::Images(const at::Tensor& weights) const {
  return at::mm(weights, features_.t()).mul_(signed_mask_);
}

at::Tensor NewtonSystem::Apply(const at::Tensor& weights) const { return Images(weights).sum(0); }

at::Tensor NewtonSystem::Adjoint(const at::Tensor& rows) const { return at::mm(signed_mask_.mul(rows), features_); }

at::Tensor NewtonSystem::BlockMatrices(const ConeScaling& scaling, const at::Tensor& theta) const {
  at::Tensor matrices = scaling.Curvature();
  matrices.diagonal(0, 1, 2).add_(kLeastCurvature);
  if (!cone_rows_.defined()) return matrices;
  const std::int64_t inputs = cone_rows_.size(1);
  if (inputs <= kOuterProductInputs) {
    const at::Tensor outer = at::einsum("ni,nj->nij", {cone_rows_, cone_rows_}).flatten(1);
    return matrices.add_(at::mm(theta, outer).view({-1, inputs, inputs}));
  }
  for (std::int64_t j = 0; j < matrices.size(0); ++j) {
    matrices.select(0, j).addmm_(cone_rows_.t(), cone_rows_.mul(theta.select(0, j).unsqueeze(1)));
  }
  return matrices;
}

// Blocks of v and w share a pattern, so their inverses are added before X comes to them; and only the rows of the
// pattern have a part in it, about a quarter of the product.
void NewtonSystem::AddCoupling(at::Tensor& coupling) const {
  const std::int64_t patterns = pattern_mask_.size(0), blocks = signed_mask_.size(0);
  for (std::int64_t p = 0; p < patterns; ++p) {
    at::Tensor inverse = inverses_.select(0, p);
    if (blocks > patterns) inverse = inverse.add(inverses_.select(0, p + patterns));
    if (!coupling.device().is_cpu()) {
      const at::Tensor masked = features_.mul(pattern_mask_.select(0, p).unsqueeze(1));
      coupling.addmm_(at::mm(masked, inverse), masked.t());
      continue;
    }
    const at::Tensor rows = pattern_mask_.select(0, p).nonzero().squeeze(1);
    const at::Tensor active = features_.index_select(0, rows);
    const at::Tensor product = at::mm(at::mm(active, inverse), active.t());
    const std::int64_t size = rows.size(0);
    const std::int64_t* index = rows.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < size; ++i) {
      const double* from = product.data_ptr<double>() + i * size;
      double* to = coupling.data_ptr<double>() + index[i] * coupling.size(1);
      for (std::int64_t j = 0; j <= i; ++j) to[index[j]] += from[j];
    }
  }
}

absl::Status NewtonSystem::Factor(const ConeScaling& scaling, const at::Tensor& theta) {
  auto block_factors = Factored(BlockMatrices(scaling, theta));
  if (!block_factors.ok()) return block_factors.status();
  inverses_ = at::cholesky_inverse(*block_factors);
  at::Tensor coupling = at::eye(features_.size(0), features_.options());
  AddCoupling(coupling);
  auto row_factor = Factored(coupling);
  if (!row_factor.ok()) return row_factor.status();
  row_factor_ = *std::move(row_factor);
  return absl::OkStatus();
}

at::Tensor NewtonSystem::SolveBlocks(const at::Tensor& right_hand_side) const {
  return at::bmm(inverses_, right_hand_side.unsqueeze(2)).squeeze(2);
}

at::Tensor NewtonSystem::Solve(const at::Tensor& right_hand_side) const {
  const at::Tensor apart = SolveBlocks(right_hand_side);
  const at::Tensor outputs = at::cholesky_solve(Apply(apart).unsqueeze(1), row_factor_).squeeze(1);
  return apart.sub(SolveBlocks(Adjoint(outputs)));
}

}  // namespace cvxnn::convex
