// SPDX-License-Identifier: Apache-2.0
// The transforms that change columns: fitted on training rows, then applied to any rows. transform.h says what each
// does. Fits accumulate in float64; rows keep their element type.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "core/data/dataset.h"
#include "core/data/should_stop.h"
#include "core/data/transform.h"

namespace cvxnn::data {

/// Whether the transform changes the columns of new rows too (all but choosing and relabelling rows).
bool IsColumnTransform(const Transform& transform);
/// Whether it learns from the training rows.
bool IsFitted(const Transform& transform);

/// Learns a column transform from training features (n×d). `description` gives the image shape. Messages name the
/// field. CANCELLED by `stop`, which only PCA asks.
absl::StatusOr<FittedTransform> FitColumns(const Transform& transform, const Matrix& train_features,
                                           const Description& description, StopFlag* stop);

/// Applies it to rows; INVALID_ARGUMENT when they do not have as many columns as its fit (a fit without columns of its
/// own takes any). CANCELLED likewise.
absl::Status ApplyColumns(const FittedTransform& fitted, Matrix* rows, StopFlag* stop);

/// Mean and population standard deviation of every column, in float64 with two passes. A constant column has its value
/// as mean and 1 as scale.
void FitMoments(const Matrix& features, std::int64_t columns_per_group, std::vector<double>* mean,
                std::vector<double>* scale);

}  // namespace cvxnn::data
