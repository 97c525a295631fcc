// SPDX-License-Identifier: Apache-2.0
// Principal component analysis through the eigenvectors of the smaller of covariance and Gram matrix (S. Wold,
// K. Esbensen, P. Geladi, Principal Component Analysis, 1987).
#include "core/data/principal_components.h"

#include <absl/strings/str_cat.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/data/field_check.h"
#include "core/data/leading_eigenvectors.h"

namespace cvxnn::data {
namespace {

// float32 rows are widened block by block: a whole float64 copy would triple the memory.
constexpr Eigen::Index kBlockRows = 256;

RowMajor<double> CentredBlock(const Matrix& features, const Eigen::RowVectorXd& mean, Eigen::Index start,
                              Eigen::Index count) {
  return features.Visit([&](const auto& values) {
    RowMajor<double> block = values.middleRows(start, count).template cast<double>();
    block.rowwise() -= mean;
    return block;
  });
}

template <typename Use>
void ForEachCentredBlock(const Matrix& features, const Eigen::RowVectorXd& mean, StopFlag* stop, Use&& use) {
  for (Eigen::Index start = 0; start < features.rows() && !stop->Poll(); start += kBlockRows) {
    const Eigen::Index count = std::min<Eigen::Index>(kBlockRows, features.rows() - start);
    use(start, CentredBlock(features, mean, start, count));
  }
}

Eigen::RowVectorXd ColumnMeans(const Matrix& features) {
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(features.cols());
  features.Visit([&](const auto& values) {
    for (Eigen::Index row = 0; row < values.rows(); ++row) mean += values.row(row).template cast<double>();
  });
  return mean / static_cast<double>(features.rows());
}

// XᵀX (d×d) or, for n < d, X Xᵀ (n×n) of the centred rows; the lower triangle is filled.
Eigen::MatrixXd Scatter(const Matrix& features, const Eigen::RowVectorXd& mean, bool gram, StopFlag* stop) {
  const Eigen::Index size = gram ? features.rows() : features.cols();
  Eigen::MatrixXd scatter = Eigen::MatrixXd::Zero(size, size);
  ForEachCentredBlock(features, mean, stop, [&](Eigen::Index start, const RowMajor<double>& block) {
    if (!gram) {
      scatter.selfadjointView<Eigen::Lower>().rankUpdate(block.transpose());
      return;
    }
    ForEachCentredBlock(features, mean, stop, [&](Eigen::Index other_start, const RowMajor<double>& other) {
      if (other_start > start) return;
      scatter.block(start, other_start, block.rows(), other.rows()).noalias() = block * other.transpose();
    });
  });
  return scatter;
}

// Whether the iteration for a few eigenvectors applies and beats the full decomposition.
bool IsFew(std::int64_t components, std::int64_t size) { return size > 256 && 8 * (components + 8) <= size; }

// The leading eigenvectors without the others; none when the full decomposition must decide: they are not few, the
// iteration did not converge, or the rank may be too small for them.
absl::StatusOr<Eigen::MatrixXd> FewDirections(const Eigen::MatrixXd& scatter, std::int64_t components, double accuracy,
                                              StopFlag* stop) {
  if (!IsFew(components, scatter.rows())) return Eigen::MatrixXd();
  absl::StatusOr<LeadingEigenvectors> few = FindLeadingEigenvectors(scatter, components, stop);
  if (!few.ok()) return few.status();
  const bool clear = few->converged && few->values(components - 1) > 1e3 * accuracy * few->values(0);
  return clear ? std::move(few->vectors) : Eigen::MatrixXd();
}

// The leading eigenvectors from the full decomposition; INVALID_ARGUMENT when the rank is below their number.
absl::StatusOr<Eigen::MatrixXd> AllDirections(const Eigen::MatrixXd& scatter, std::int64_t components,
                                              double accuracy) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(scatter);
  if (solver.info() != Eigen::Success) return absl::InternalError("the eigenvalues of the covariance did not converge");
  const Eigen::VectorXd variances = solver.eigenvalues().reverse();
  const std::int64_t rank = variances(0) > 0 ? (variances.array() > variances(0) * accuracy).count() : 0;
  if (components > rank) {
    if (rank == 0) return absl::InvalidArgumentError("the training rows are all equal: must vary");
    return FieldError("components", components, absl::StrCat("in [1, ", rank, "], the rank of the training rows"));
  }
  return Eigen::MatrixXd(solver.eigenvectors().rightCols(components).rowwise().reverse());
}

void MakeSignsUnique(Eigen::MatrixXd* directions) {
  for (Eigen::Index k = 0; k < directions->cols(); ++k) {
    Eigen::Index largest = 0;
    directions->col(k).cwiseAbs().maxCoeff(&largest);
    if ((*directions)(largest, k) < 0) directions->col(k) *= -1.0;
  }
}

}  // namespace

absl::Status FitPrincipalComponents(const Matrix& features, std::int64_t components, std::vector<double>* mean,
                                    std::vector<double>* projection, StopFlag* stop) {
  const std::int64_t smaller = std::min(features.rows(), features.cols());
  if (absl::Status status = CheckBetween("components", components, std::int64_t{1}, smaller); !status.ok()) {
    return status;
  }
  if (smaller > kMaxPrincipalRank)
    return FieldError("min(rows, columns)", smaller, absl::StrCat("<= ", kMaxPrincipalRank));
  if (smaller > kMaxFullRank && !IsFew(components, smaller)) {
    return FieldError("components", components,
                      absl::StrCat("at most an eighth of min(rows, columns) = ", smaller, " above ", kMaxFullRank));
  }
  const bool gram = features.rows() < features.cols();
  const Eigen::RowVectorXd centre = ColumnMeans(features);
  const Eigen::MatrixXd scatter = Scatter(features, centre, gram, stop);
  if (!stop->status().ok()) return stop->status();
  if (!std::isfinite(scatter.trace())) {
    return absl::InvalidArgumentError("the squares of the training rows overflow: must be scaled down first");
  }
  const double accuracy =
      std::numeric_limits<double>::epsilon() * static_cast<double>(std::max(features.rows(), features.cols()));
  absl::StatusOr<Eigen::MatrixXd> found = FewDirections(scatter, components, accuracy, stop);
  if (found.ok() && found->cols() == 0) found = AllDirections(scatter, components, accuracy);
  if (!found.ok()) return found.status();

  Eigen::MatrixXd directions = *std::move(found);
  if (gram) {
    Eigen::MatrixXd mapped = Eigen::MatrixXd::Zero(features.cols(), components);
    ForEachCentredBlock(features, centre, stop, [&](Eigen::Index start, const RowMajor<double>& block) {
      mapped.noalias() += block.transpose() * directions.middleRows(start, block.rows());
    });
    if (!stop->status().ok()) return stop->status();
    mapped.colwise().normalize();
    directions = std::move(mapped);
  }
  MakeSignsUnique(&directions);
  mean->assign(centre.data(), centre.data() + centre.size());
  projection->resize(static_cast<std::size_t>(directions.size()));
  Eigen::Map<RowMajor<double>>(projection->data(), directions.rows(), directions.cols()) = directions;
  return absl::OkStatus();
}

Matrix Project(const std::vector<double>& mean, const std::vector<double>& projection, const Matrix& rows,
               StopFlag* stop) {
  const auto columns = static_cast<Eigen::Index>(mean.size());
  const auto components = static_cast<Eigen::Index>(projection.size()) / columns;
  const Eigen::RowVectorXd centre = Eigen::Map<const Eigen::RowVectorXd>(mean.data(), columns);
  const Eigen::Map<const RowMajor<double>> directions(projection.data(), columns, components);
  Matrix result(rows.type(), rows.rows(), components);
  result.Visit([&](auto& values) {
    using Scalar = typename std::decay_t<decltype(values)>::Scalar;
    ForEachCentredBlock(rows, centre, stop, [&](Eigen::Index start, const RowMajor<double>& block) {
      const RowMajor<double> projected = block * directions;
      values.middleRows(start, block.rows()) = projected.template cast<Scalar>();
    });
  });
  return result;
}

}  // namespace cvxnn::data
