// SPDX-License-Identifier: Apache-2.0
// Small Cholesky factors and one for the rows; see newton_system.h.
#include "core/convex/solvers/newton_system.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace cvxnn::convex {
namespace {

// Elements of half-solved features held at a time.
constexpr std::int64_t kChunkElements = std::int64_t{1} << 23;
// Up to this many inputs all CᵀΘ_jC come from one product with the rows' outer products.
constexpr std::int64_t kOuterProductInputs = 16;
// A long block has next to no curvature along itself; its inverse would drown the rest of the coupling matrix. What the
// shift spoils, where the loss bends more than that, refinement repairs.
constexpr double kLeastCurvature = 1e-12;
constexpr double kFirstShift = 1e-15;
constexpr double kLargestShift = 1e-7;

std::int64_t ChunkBlocks(std::int64_t rows, std::int64_t inputs) {
  return std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, rows * inputs));
}

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
  const double chunk = static_cast<double>(kChunkElements) + rows * inputs;
  const double outer = inputs <= static_cast<double>(kOuterProductInputs) ? rows * inputs * inputs : rows * inputs;
  return 8 * (4 * rows * rows + 5 * blocks * inputs * inputs + 2 * std::min(chunk, rows * inputs * blocks) + outer);
}

NewtonSystem::NewtonSystem(at::Tensor features, at::Tensor signed_mask, at::Tensor cone_rows)
    : features_(std::move(features)), signed_mask_(std::move(signed_mask)), cone_rows_(std::move(cone_rows)) {}

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

absl::Status NewtonSystem::Factor(const ConeScaling& scaling, const at::Tensor& theta) {
  auto block_factors = Factored(BlockMatrices(scaling, theta));
  if (!block_factors.ok()) return block_factors.status();
  block_factors_ = *std::move(block_factors);

  const std::int64_t rows = features_.size(0), inputs = features_.size(1), blocks = signed_mask_.size(0);
  at::Tensor coupling = at::eye(rows, features_.options());
  for (std::int64_t begin = 0, chunk = ChunkBlocks(rows, inputs); begin < blocks; begin += chunk) {
    const std::int64_t size = std::min(chunk, blocks - begin);
    at::Tensor half = at::linalg_solve_triangular(block_factors_.narrow(0, begin, size),
                                                  features_.t().expand({size, inputs, rows}), /*upper=*/false);
    half = half.mul(signed_mask_.narrow(0, begin, size).unsqueeze(1)).reshape({size * inputs, rows});
    coupling.addmm_(half.t(), half);
  }
  auto row_factor = Factored(coupling);
  if (!row_factor.ok()) return row_factor.status();
  row_factor_ = *std::move(row_factor);
  return absl::OkStatus();
}

at::Tensor NewtonSystem::SolveBlocks(const at::Tensor& right_hand_side) const {
  const at::Tensor half = at::linalg_solve_triangular(block_factors_, right_hand_side.unsqueeze(2), /*upper=*/false);
  return at::linalg_solve_triangular(block_factors_.mT(), half, /*upper=*/true).squeeze(2);
}

at::Tensor NewtonSystem::Solve(const at::Tensor& right_hand_side) const {
  const at::Tensor apart = SolveBlocks(right_hand_side);
  const at::Tensor half = at::linalg_solve_triangular(row_factor_, Apply(apart).unsqueeze(1), /*upper=*/false);
  const at::Tensor outputs = at::linalg_solve_triangular(row_factor_.mT(), half, /*upper=*/true).squeeze(1);
  return apart.sub(SolveBlocks(Adjoint(outputs)));
}

}  // namespace cvxnn::convex
