// SPDX-License-Identifier: Apache-2.0
// From rows to an arrangement in as many dimensions as their rank, and back; see enumerated.h.
#include "core/patterns/enumerated.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/patterns/arrangement.h"

namespace cvxnn {
namespace {

constexpr std::int64_t kMaxRankElements = std::int64_t{1} << 22;

// X = Z Bᵀ with orthonormal B (d×r): Z has the same cells in fewer dimensions.
struct Reduced {
  at::Tensor rows;   // Z, n×r, float64 on the host
  at::Tensor basis;  // B, d×r
};
Reduced ReduceRank(const at::Tensor& features) {
  const at::Tensor x = features.to(at::kCPU, at::kDouble);
  const auto [u, sizes, v] = at::linalg_svd(x, /*full_matrices=*/false);
  const double largest = sizes.numel() == 0 ? 0 : sizes[0].item<double>();
  const double zero = static_cast<double>(std::max(x.size(0), x.size(1))) * std::numeric_limits<double>::epsilon();
  const auto rank = sizes.gt(zero * largest).sum().item<std::int64_t>();
  const at::Tensor basis = v.narrow(0, 0, rank).t().contiguous();
  return {at::mm(x, basis).contiguous(), basis};
}

Eigen::MatrixXd ToMatrix(const at::Tensor& x) {
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(x.data_ptr<double>(),
                                                                                                  x.size(0), x.size(1));
}

}  // namespace

double PatternBound(const at::Tensor& features) {
  const std::int64_t n = features.size(0), d = features.size(1);
  if (n * d > kMaxRankElements) return MostCells(n, std::min(n, d));
  return MostCells(n, ReduceRank(features).rows.size(1));
}

absl::StatusOr<ActivationPatterns> EnumeratePatterns(const at::Tensor& features, std::int64_t max_count,
                                                     const std::function<bool()>& should_stop) {
  if (max_count < 1) return absl::InvalidArgumentError(absl::StrCat("max_count = ", max_count, ": must be >= 1"));
  const double bound = PatternBound(features);
  if (bound > static_cast<double>(max_count)) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "enumerating patterns: %d rows of these data may have %.6g patterns, and at most %d are allowed",
        features.size(0), bound, max_count));
  }
  const std::int64_t n = features.size(0);
  const Reduced reduced = ReduceRank(features);
  const Directions directions = DistinctDirections(ToMatrix(reduced.rows));
  const auto cells = CellsOf(directions.normals, should_stop);
  if (!cells.ok()) return cells.status();

  at::Tensor masks = at::zeros({static_cast<std::int64_t>(cells->size()), n}, at::TensorOptions().dtype(at::kBool));
  at::Tensor points = at::zeros({masks.size(0), reduced.basis.size(1)}, reduced.basis.options());
  for (std::size_t p = 0; p < cells->size(); ++p) {
    const Cell& cell = (*cells)[p];
    bool* mask = masks.data_ptr<bool>() + static_cast<std::int64_t>(p) * n;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const std::int64_t index = directions.index[row];
      // A row of zeros has 0 >= 0 everywhere.
      mask[i] = index < 0 || (cell.sides[static_cast<std::size_t>(index)] == '1') != directions.reversed[row];
    }
    std::copy(cell.inside.begin(), cell.inside.end(),
              points.data_ptr<double>() + static_cast<std::int64_t>(p) * points.size(1));
  }
  const at::Tensor active = masks.any(1).nonzero().squeeze(1);
  const at::Tensor gates = at::mm(reduced.basis, points.index_select(0, active).t());
  return ActivationPatterns{masks.index_select(0, active).t().contiguous().to(features.device()),
                            gates.to(features.options())};
}

}  // namespace cvxnn
