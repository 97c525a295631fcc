// SPDX-License-Identifier: Apache-2.0
// Checks that a data set is what dataset.h promises, before anything trains on it.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "core/data/dataset.h"

namespace cvxnn::data {

/// OK, or INVALID_ARGUMENT with the first fault: no training rows or no columns; parts whose shapes disagree; names or
/// image shape that do not fit the columns; a value that is not finite (part, row and column from 0); a binary target
/// other than ±1; a multiclass row that is not one-hot; a class without training rows.
absl::Status ValidateDataset(const Dataset& dataset);

/// OK, or INVALID_ARGUMENT "<what>: row R, column C is nan: must be finite". Rows and columns count from 0.
absl::Status ValidateFinite(const Matrix& matrix, const std::string& what);

}  // namespace cvxnn::data
