// SPDX-License-Identifier: Apache-2.0
// Principal component analysis of centred rows.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

#include "core/data/matrix.h"
#include "core/data/should_stop.h"

namespace cvxnn::data {

/// Most of min(n, d) that PCA takes: the symmetric matrix to decompose has that many rows (512 MiB at the limit).
inline constexpr std::int64_t kMaxPrincipalRank = 8192;
/// Most of min(n, d) that is decomposed in full, which takes minutes there and cannot be stopped.
inline constexpr std::int64_t kMaxFullRank = 4096;

/// Column means (d) and the first `components` principal directions (d×k, row-major, orthonormal columns, largest
/// variance first), in float64. Each direction's entry of largest size is positive, so that the answer is unique where
/// the variances differ. For n < d the n×n Gram matrix is decomposed in place of the d×d covariance; when min(n, d) is
/// large and the components are few, only they are computed (leading_eigenvectors.h).
/// INVALID_ARGUMENT when components is not in [1, r], r the rank of the centred rows (at most min(n - 1, d)), when
/// min(n, d) > kMaxPrincipalRank, when it is > kMaxFullRank and more than an eighth of it is asked for, and when
/// squares of the values overflow. CANCELLED by `stop`.
absl::Status FitPrincipalComponents(const Matrix& features, std::int64_t components, std::vector<double>* mean,
                                    std::vector<double>* projection, StopFlag* stop);

/// (rows - mean) · projection: n×k of the type of `rows`, computed in float64. mean has as many entries as rows
/// columns. Rows after a stop are left 0: the caller then drops the result.
Matrix Project(const std::vector<double>& mean, const std::vector<double>& projection, const Matrix& rows,
               StopFlag* stop);

}  // namespace cvxnn::data
