// SPDX-License-Identifier: Apache-2.0
// Cholesky factors of ADMM's u-step; see admm_factors.h.
#include "core/convex/solvers/admm_factors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kRowBlock = 2048;

bool IsFactored(const at::Tensor& info) { return info.item<int>() == 0; }

}  // namespace

absl::Status CheckAdmmMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, const at::Tensor& like) {
  const auto element = static_cast<double>(like.element_size());
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), m = 2 * static_cast<double>(blocks);
  // H and its factor; X M⁻¹; XᵀX, M and M⁻¹ in float64; six row-side and six weight-side arrays of the iteration,
  // and the row side of the best dual point.
  const double needed = element * (2 * n * n + n * d + 6 * m * (n + d) + m * n) + 24 * d * d;
  return CheckFits(absl::StrCat("ADMM on ", rows, " rows (with a ", rows, "×", rows, " kernel and its factor)"), needed,
                   like.device());
}

AdmmFactors::AdmmFactors(const PatternOperator& map) : map_(map) {}

absl::Status AdmmFactors::Factor(double rho1, double rho2, const std::function<bool()>& should_stop) {
  const auto stopped = [&] { return should_stop && should_stop(); };
  const at::Tensor& x = map_.features();
  if (stopped()) return absl::CancelledError("stopped while factoring");
  if (!gram_.defined()) gram_ = at::mm(x.t(), x).to(at::kDouble);

  at::Tensor m = gram_.mul(rho2);
  m.diagonal().add_(rho1);
  auto [m_factor, m_info] = at::linalg_cholesky_ex(m);
  if (!IsFactored(m_info)) return absl::InternalError("ADMM: ρ₁I + ρ₂XᵀX is not positive definite at this precision");
  inverse_ = at::cholesky_inverse(m_factor).to(x.scalar_type());
  if (stopped()) return absl::CancelledError("stopped while factoring");
  smoothed_ = at::mm(x, inverse_);

  const std::int64_t rows = map_.rows();
  cholesky_.reset();
  at::Tensor h = at::empty({rows, rows}, x.options());
  const at::Tensor mask = map_.mask().to(x.scalar_type());
  for (std::int64_t begin = 0; begin < rows; begin += kRowBlock) {
    if (stopped()) return absl::CancelledError("stopped while factoring");
    const std::int64_t size = std::min(kRowBlock, rows - begin);
    at::Tensor block = h.narrow(0, begin, size);
    at::mm_out(block, smoothed_.narrow(0, begin, size), x.t());
    block.mul_(at::mm(mask.narrow(0, begin, size), mask.t()).mul_(2));
  }
  h.diagonal().add_(1);
  at::Tensor info;
  std::tie(cholesky_, info) = at::linalg_cholesky_ex(h);
  if (!IsFactored(info)) return absl::InternalError("ADMM: the n×n kernel is not positive definite at this precision");
  return absl::OkStatus();
}

at::Tensor AdmmFactors::SolveRows(const at::Tensor& right_hand_side) const {
  const at::Tensor half = at::linalg_solve_triangular(cholesky_, right_hand_side, /*upper=*/false);
  return at::linalg_solve_triangular(cholesky_.t(), half, /*upper=*/true);
}

double AdmmFactors::FactorFlops() const {
  const auto n = static_cast<double>(map_.rows()), d = static_cast<double>(map_.inputs());
  return d * d * d + 2 * n * d * d + 2 * n * n * d + n * n * n / 3;
}

double AdmmFactors::EpochFlops() const {
  const auto n = static_cast<double>(map_.rows()), d = static_cast<double>(map_.inputs());
  const auto m = static_cast<double>(map_.blocks());
  return 16 * n * d * m + 4 * d * d * m + 2 * n * n * static_cast<double>(map_.outputs());
}

}  // namespace cvxnn::convex
