// SPDX-License-Identifier: Apache-2.0
// Cholesky factors of ADMM's u-step; see admm_factors.h. Symmetric matrices are formed on and below the diagonal alone,
// which is all that their factorisation reads.
#include "core/convex/solvers/admm_factors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/solvers/anderson.h"
#include "core/convex/solvers/in_pieces.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kRowBlock = 1024;
// Relative residuals at which conjugate gradients end, and the most steps they take.
constexpr double kLeastResidual32 = 1e-6;
constexpr double kLeastResidual64 = 1e-10;
constexpr int kMaxConjugateSteps = 100;

}  // namespace

double AdmmBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies, KernelSolve kernel,
                 std::int64_t memory, std::int64_t element_bytes) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), m = static_cast<double>(blocks);
  // H and its factor; X M⁻¹; XᵀX, M and M⁻¹ in float64; six row-side and six weight-side arrays of the iteration,
  // the row side of the best dual point, and the points of Anderson's method.
  return static_cast<double>(element_bytes) *
             ((kernel == KernelSolve::kFactor ? 2 * n * n : 0) + n * d + m * (7 * n + (5 + prox_copies) * d) +
              AndersonPoints(memory) * m * (n + d)) +
         24 * d * d;
}

absl::Status CheckAdmmMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                             KernelSolve kernel, std::int64_t memory, const at::Tensor& like) {
  const std::string with = kernel == KernelSolve::kFactor
                               ? absl::StrCat(" (with a ", rows, "×", rows, " kernel and its factor)")
                               : std::string();
  const double needed =
      AdmmBytes(rows, inputs, blocks, prox_copies, kernel, memory, static_cast<std::int64_t>(like.element_size()));
  return CheckFits(absl::StrCat("ADMM on ", rows, " rows", with), needed, like.device());
}

AdmmFactors::AdmmFactors(const PatternOperator& map, at::Tensor lengths, KernelSolve kernel)
    : map_(map), lengths_(std::move(lengths)), signs_(HasCones() ? 2 : 1), kernel_(kernel) {}

absl::Status AdmmFactors::Factor(double rho1, double rho2, const std::function<bool()>& should_stop) {
  const at::Tensor& x = map_.features();
  rho1_ = rho1;
  if (HasCones()) {
    if (auto status = FactorWeights(rho1, rho2, should_stop); !status.ok()) return status;
    auto smoothed = MultiplyInPieces(x, inverse_, should_stop);
    if (!smoothed.ok()) return smoothed.status();
    smoothed_ = *std::move(smoothed);
  }
  if (kernel_ == KernelSolve::kConjugateGradients) {
    const at::Tensor sizes = HasCones() ? smoothed_.mul(x).sum(1) : x.square().sum(1).div_(rho1);
    diagonal_ = sizes.mul(map_.mask().sum(1)).mul_(signs_).add_(1).unsqueeze(1);
    return absl::OkStatus();
  }
  at::Tensor h = plain_;
  cholesky_.reset();
  if (!h.defined()) {
    auto formed = FormKernel(HasCones() ? smoothed_ : x, should_stop);
    if (!formed.ok()) return formed.status();
    h = *std::move(formed);
  }
  if (HasCones()) {
    h.diagonal().add_(1);
  } else {
    if (!plain_.defined()) {
      plain_ = h;
      diagonal_ = h.diagonal().clone();
    }
    h.diagonal().copy_(diagonal_.add(rho1));
  }
  auto factor = CholeskyInPieces(h, should_stop);
  if (!factor.ok()) return factor.status();
  if (!factor->defined()) return absl::InternalError("ADMM: the n×n kernel is not positive definite at this precision");
  cholesky_ = *std::move(factor);
  return absl::OkStatus();
}

absl::Status AdmmFactors::FactorWeights(double rho1, double rho2, const std::function<bool()>& should_stop) {
  const at::Tensor& x = map_.features();
  if (!gram_.defined()) {
    const at::Tensor rows = x.mul(lengths_);
    auto gram = MultiplyInPieces(rows.t(), rows, should_stop);
    if (!gram.ok()) return gram.status();
    gram_ = gram->to(at::kDouble);
  }
  at::Tensor m = gram_.mul(rho2);
  m.diagonal().add_(rho1);
  auto factor = CholeskyInPieces(m, should_stop);
  if (!factor.ok()) return factor.status();
  if (!factor->defined()) {
    return absl::InternalError("ADMM: ρ₁I + ρ₂GᵀG is not positive definite at this precision");
  }
  inverse_ = at::cholesky_inverse(*factor).to(x.scalar_type());
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> AdmmFactors::FormKernel(const at::Tensor& left,
                                                   const std::function<bool()>& should_stop) const {
  const at::Tensor& x = map_.features();
  const std::int64_t rows = map_.rows();
  at::Tensor h = at::zeros({rows, rows}, x.options());
  const at::Tensor mask = map_.mask().to(x.scalar_type());
  for (std::int64_t begin = 0; begin < rows; begin += kRowBlock) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while factoring");
    const std::int64_t size = std::min(kRowBlock, rows - begin), end = begin + size;
    at::Tensor block = h.narrow(0, begin, size).narrow(1, 0, end);
    const at::Tensor shared = at::mm(mask.narrow(0, begin, size), mask.narrow(0, 0, end).t()).mul_(signs_);
    block.copy_(at::mm(left.narrow(0, begin, size), x.narrow(0, 0, end).t()).mul_(shared));
  }
  return h;
}

at::Tensor AdmmFactors::Inverse(const at::Tensor& weights) const {
  return HasCones() ? at::mm(inverse_, weights) : weights.div(rho1_);
}

at::Tensor AdmmFactors::Smoothed(const at::Tensor& weights) const {
  return HasCones() ? at::mm(smoothed_, weights) : at::mm(map_.features(), weights).div_(rho1_);
}

at::Tensor AdmmFactors::MultiplyKernel(const at::Tensor& rows) const {
  const at::Tensor products = map_.Adjoint(rows);
  if (!HasCones()) return rows.add(map_.Apply(products), 1 / rho1_);
  return rows.add(PatternOperator(smoothed_, map_.mask(), map_.outputs()).Apply(products), signs_);
}

at::Tensor AdmmFactors::SolveRows(const at::Tensor& right_hand_side, const at::Tensor& guess) const {
  if (kernel_ == KernelSolve::kConjugateGradients) {
    // Every output is a system of its own (Golub & Van Loan, Matrix Computations, section 11.5), preconditioned by the
    // diagonal.
    const auto inner = [](const at::Tensor& left, const at::Tensor& right) { return left.mul(right).sum(0, true); };
    const double least = right_hand_side.scalar_type() == at::kFloat ? kLeastResidual32 : kLeastResidual64;
    const at::Tensor enough = inner(right_hand_side, right_hand_side).mul_(least * least);
    at::Tensor solution = guess.clone(), residual = right_hand_side.sub(MultiplyKernel(guess));
    at::Tensor scaled = residual.div(diagonal_), direction = scaled, size = inner(residual, scaled);
    for (int step = 0; step < kMaxConjugateSteps; ++step) {
      const at::Tensor open = inner(residual, residual) > enough;
      if (!open.any().item<bool>()) break;
      const at::Tensor image = MultiplyKernel(direction);
      const at::Tensor length = size.div(inner(direction, image)).masked_fill_(open.logical_not(), 0);
      solution.addcmul_(direction, length);
      residual.sub_(image.mul_(length));
      scaled = residual.div(diagonal_);
      const at::Tensor next = inner(residual, scaled);
      direction = scaled.addcmul(direction, next.div(size).masked_fill_(open.logical_not(), 0));
      size = next;
    }
    return solution;
  }
  const at::Tensor half = at::linalg_solve_triangular(cholesky_, right_hand_side, /*upper=*/false);
  const at::Tensor solution = at::linalg_solve_triangular(cholesky_.t(), half, /*upper=*/true);
  return HasCones() ? solution : solution.mul(rho1_);
}

double AdmmFactors::FactorFlops() const {
  const auto n = static_cast<double>(map_.rows()), d = static_cast<double>(map_.inputs());
  const bool factor = kernel_ == KernelSolve::kFactor;
  const double weights = HasCones() ? d * d * d + 2 * n * d * d : 0;
  return weights + (factor ? n * n * d + n * n * n / 3 : 0);
}

double AdmmFactors::EpochFlops() const {
  const auto n = static_cast<double>(map_.rows()), d = static_cast<double>(map_.inputs());
  const auto m = static_cast<double>(map_.blocks());
  const double passes = HasCones() ? 16 * n * d * m + 4 * d * d * m : 4 * n * d * m;
  return passes + 2 * n * n * static_cast<double>(map_.outputs());
}

}  // namespace cvxnn::convex
