// SPDX-License-Identifier: Apache-2.0
// Factor and substitution; see row_factor.h.
#include "core/convex/solvers/row_factor.h"

#include <ATen/ATen.h>

#include <cmath>
#include <tuple>

namespace cvxnn::convex {
namespace {

constexpr std::size_t kSmall = 64;

// What a shift of the diagonal spoils, refinement repairs.
constexpr double kFirstShift = 1e-15;
constexpr double kLargestShift = 1e-7;

}  // namespace

RowFactor::RowFactor(std::size_t rows) : rows_(rows), matrix_(rows * rows), small_(rows <= kSmall ? rows * rows : 0) {}

absl::Status RowFactor::Factor() {
  for (std::size_t i = 0; i < rows_; ++i) {
    if (!std::isfinite(matrix_[i * rows_ + i])) return absl::InternalError("interior point: a matrix is not finite");
  }
  if (TryFactor()) return absl::OkStatus();
  double raised = 0;
  for (double shift = kFirstShift; shift <= kLargestShift; shift *= 10) {
    for (std::size_t i = 0; i < rows_; ++i) matrix_[i * rows_ + i] *= 1 + (shift - raised);
    if (TryFactor()) return absl::OkStatus();
    raised = shift;
  }
  return absl::InternalError("interior point: a matrix is not positive definite at this precision");
}

bool RowFactor::TryFactor() {
  if (rows_ > kSmall) {
    const auto size = static_cast<std::int64_t>(rows_);
    // LAPACK's columns are these rows, so its upper triangle is this lower one.
    auto [factor, info] = at::linalg_cholesky_ex(at::from_blob(matrix_.data(), {size, size}, at::kDouble).mT(), true);
    factor_ = factor;
    return info.item<int>() == 0;
  }
  for (std::size_t i = 0; i < rows_; ++i) {
    double* row = small_.data() + i * rows_;
    for (std::size_t j = 0; j < i; ++j) {
      const double* other = small_.data() + j * rows_;
      double sum = matrix_[i * rows_ + j];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      row[j] = sum * other[j];
    }
    double pivot = matrix_[i * rows_ + i];
    for (std::size_t k = 0; k < i; ++k) pivot -= row[k] * row[k];
    if (!(pivot > 0)) return false;
    row[i] = 1 / std::sqrt(pivot);
  }
  return true;
}

void RowFactor::Solve(std::vector<double>& right_hand_side) const {
  if (rows_ > kSmall) {
    const at::Tensor right = at::from_blob(right_hand_side.data(), {static_cast<std::int64_t>(rows_), 1}, at::kDouble);
    right.copy_(at::cholesky_solve(right, factor_, true));
    return;
  }
  double* x = right_hand_side.data();
  for (std::size_t i = 0; i < rows_; ++i) {
    const double* row = small_.data() + i * rows_;
    double sum = x[i];
    for (std::size_t k = 0; k < i; ++k) sum -= row[k] * x[k];
    x[i] = sum * row[i];
  }
  for (std::size_t i = rows_; i-- > 0;) {
    const double* row = small_.data() + i * rows_;
    x[i] *= row[i];
    for (std::size_t k = 0; k < i; ++k) x[k] -= row[k] * x[i];
  }
}

}  // namespace cvxnn::convex
