// SPDX-License-Identifier: Apache-2.0
// The few largest eigenvalues of a large symmetric matrix, where a full decomposition would take minutes.
#pragma once

#include <absl/status/statusor.h>

#include <Eigen/Core>
#include <cstdint>

#include "core/data/should_stop.h"

namespace cvxnn::data {

struct LeadingEigenvectors {
  Eigen::VectorXd values;   ///< k, largest first
  Eigen::MatrixXd vectors;  ///< s×k, orthonormal columns
  bool converged = false;
};

/// The k largest eigenvalues of a symmetric positive semidefinite s×s matrix, of which the lower triangle is read, by a
/// block Krylov method: Rayleigh–Ritz on [V, AV, …, A^m V], restarted from the best Ritz vectors (Golub & Underwood,
/// 1977; Musco & Musco, arXiv 1504.05477), until every ‖Av − λv‖₂ <= 1e-11 λ_max or 100 restarts. The start is fixed,
/// so the answer repeats. Needs s >= 8 (k + 8). CANCELLED by `stop`.
absl::StatusOr<LeadingEigenvectors> FindLeadingEigenvectors(const Eigen::MatrixXd& matrix, std::int64_t k,
                                                            StopFlag* stop);

}  // namespace cvxnn::data
