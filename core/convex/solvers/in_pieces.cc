// SPDX-License-Identifier: Apache-2.0
// See in_pieces.h.
#include "core/convex/solvers/in_pieces.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kBlock = 512;     // columns of a factor at once
constexpr std::int64_t kLeastRows = 64;  // of a product: fewer make it slow

absl::Status CheckGoesOn(const std::function<bool()>& should_stop) {
  return should_stop && should_stop() ? absl::CancelledError("stopped while factoring") : absl::OkStatus();
}

std::int64_t RowsOfAPiece(double flops_of_a_row, double piece_flops) {
  return std::max(kLeastRows, static_cast<std::int64_t>(piece_flops / std::max(flops_of_a_row, 1.0)));
}

// The factor of a block on the diagonal; undefined when it is not positive definite.
at::Tensor SmallCholesky(const at::Tensor& matrix) {
  auto [factor, info] = at::linalg_cholesky_ex(matrix);
  return info.item<int>() == 0 ? factor : at::Tensor();
}

}  // namespace

absl::StatusOr<at::Tensor> MultiplyInPieces(const at::Tensor& left, const at::Tensor& right,
                                            const std::function<bool()>& should_stop, double piece_flops) {
  const std::int64_t rows = left.size(0);
  const std::int64_t piece =
      RowsOfAPiece(2 * static_cast<double>(right.size(0)) * static_cast<double>(right.size(1)), piece_flops);
  if (auto status = CheckGoesOn(should_stop); !status.ok()) return status;
  if (rows <= piece) return at::mm(left, right);
  at::Tensor product = at::empty({rows, right.size(1)}, left.options());
  for (std::int64_t begin = 0; begin < rows; begin += piece) {
    if (auto status = CheckGoesOn(should_stop); !status.ok()) return status;
    const std::int64_t size = std::min(piece, rows - begin);
    at::Tensor out = product.narrow(0, begin, size);
    at::mm_out(out, left.narrow(0, begin, size), right);
  }
  return product;
}

absl::StatusOr<at::Tensor> CholeskyInPieces(const at::Tensor& matrix, const std::function<bool()>& should_stop,
                                            double piece_flops) {
  const std::int64_t n = matrix.size(0);
  if (auto status = CheckGoesOn(should_stop); !status.ok()) return status;
  if (std::pow(static_cast<double>(n), 3) / 3 <= piece_flops) return SmallCholesky(matrix);
  at::Tensor factor = at::empty_strided({n, n}, {1, n}, matrix.options());
  factor.copy_(matrix);
  factor.tril_();
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t width = std::min(kBlock, n - begin), end = begin + width;
    // What the columns before take away from these ones, a piece of the rows at a time.
    const at::Tensor above = factor.narrow(0, begin, width).narrow(1, 0, begin).t();
    const std::int64_t piece = RowsOfAPiece(2 * static_cast<double>(begin * width), piece_flops);
    for (std::int64_t row = begin; row < n && begin > 0; row += piece) {
      if (auto status = CheckGoesOn(should_stop); !status.ok()) return status;
      const at::Tensor rows = factor.narrow(0, row, std::min(piece, n - row));
      rows.narrow(1, begin, width).addmm_(rows.narrow(1, 0, begin), above, /*beta=*/1, /*alpha=*/-1);
    }
    at::Tensor corner = factor.narrow(0, begin, width).narrow(1, begin, width);
    const at::Tensor corner_factor = SmallCholesky(corner);
    if (!corner_factor.defined()) return at::Tensor();
    corner.copy_(corner_factor);
    if (end == n) break;
    at::Tensor below = factor.narrow(0, end, n - end).narrow(1, begin, width);
    below.copy_(at::linalg_solve_triangular(corner_factor.t(), below, /*upper=*/true, /*left=*/false));
  }
  return factor;
}

}  // namespace cvxnn::convex
