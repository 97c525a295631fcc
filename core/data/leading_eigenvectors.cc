// SPDX-License-Identifier: Apache-2.0
// Restarted block Krylov iteration; see leading_eigenvectors.h.
#include "core/data/leading_eigenvectors.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>

#include "core/data/random.h"

namespace cvxnn::data {
namespace {

// Ritz vectors kept beyond those asked for: the nearer the next eigenvalue, the slower without them.
constexpr Eigen::Index kSpare = 8;
// Blocks of the Krylov space between restarts.
constexpr Eigen::Index kBlocks = 6;
constexpr int kMaxRestarts = 100;
constexpr double kTolerance = 1e-11;

// An orthonormal basis of the columns (or of more, when they depend on one another).
Eigen::MatrixXd Orthonormal(const Eigen::MatrixXd& columns) {
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(columns);
  return qr.householderQ() * Eigen::MatrixXd::Identity(columns.rows(), columns.cols());
}

// The part of the columns outside the span of an orthonormal basis; twice, since once leaves rounding behind.
void ProjectOut(const Eigen::Ref<const Eigen::MatrixXd>& basis, Eigen::MatrixXd* columns) {
  for (int pass = 0; pass < 2; ++pass) columns->noalias() -= basis * (basis.transpose() * *columns).eval();
}

}  // namespace

absl::StatusOr<LeadingEigenvectors> FindLeadingEigenvectors(const Eigen::MatrixXd& matrix, std::int64_t k,
                                                            StopFlag* stop) {
  const Eigen::Index size = matrix.rows(), block = k + kSpare;
  RandomStream random(0);
  Eigen::MatrixXd start(size, block);
  for (Eigen::Index i = 0; i < start.size(); ++i) start.data()[i] = random.Normal();
  start = Orthonormal(start);

  LeadingEigenvectors result;
  Eigen::MatrixXd basis(size, kBlocks * block), image(size, kBlocks * block);
  for (int restart = 0; restart < kMaxRestarts; ++restart) {
    for (Eigen::Index i = 0; i < kBlocks; ++i) {
      if (stop->Poll()) return stop->status();
      auto here = basis.middleCols(i * block, block);
      if (i == 0) {
        here = start;
      } else {
        const auto earlier = basis.leftCols(i * block);
        Eigen::MatrixXd next = image.middleCols((i - 1) * block, block);
        ProjectOut(earlier, &next);
        next = Orthonormal(next);
        // Columns that were nearly in the span came back as noise.
        ProjectOut(earlier, &next);
        here = Orthonormal(next);
      }
      image.middleCols(i * block, block).noalias() = matrix.selfadjointView<Eigen::Lower>() * here;
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz((basis.transpose() * image).eval());
    if (ritz.info() != Eigen::Success) return result;
    const Eigen::MatrixXd best = ritz.eigenvectors().rightCols(block).rowwise().reverse();
    const Eigen::VectorXd values = ritz.eigenvalues().tail(block).reverse();
    start.noalias() = basis * best;
    const Eigen::MatrixXd residual = image * best - start * values.asDiagonal();
    result.values = values.head(k);
    result.vectors = start.leftCols(k);
    result.converged = residual.leftCols(k).colwise().norm().maxCoeff() <= kTolerance * values(0);
    if (result.converged) return result;
    start = Orthonormal(start);
  }
  return result;
}

}  // namespace cvxnn::data
