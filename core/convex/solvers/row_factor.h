// SPDX-License-Identifier: Apache-2.0
// The Cholesky factor of an n×n matrix: small ones in plain loops, since a call of LAPACK through LibTorch costs more
// than they do.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace cvxnn::convex {

class RowFactor {
 public:
  explicit RowFactor(std::size_t rows);

  /// n×n row by row, to be filled (the lower triangle) before Factor, which may raise its diagonal.
  double* matrix() { return matrix_.data(); }
  /// Of the matrix, or of one whose diagonal is raised by as little as it takes. INTERNAL when it is not finite or
  /// would have to be raised by more than rounding.
  absl::Status Factor();
  /// Solves in place.
  void Solve(std::vector<double>& right_hand_side) const;

 private:
  bool TryFactor();

  std::size_t rows_;
  std::vector<double> matrix_;
  std::vector<double> small_;  // the factor of a small one, its diagonal inverted
  at::Tensor factor_;          // of a large one
};

}  // namespace cvxnn::convex
