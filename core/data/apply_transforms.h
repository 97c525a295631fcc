// SPDX-License-Identifier: Apache-2.0
// Runs transforms on a data set, and sends new rows the same way.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/should_stop.h"
#include "core/data/transform.h"

namespace cvxnn::data {

/// Applies `transforms` in order to both parts, each fitted on the training rows as they are at that point, and appends
/// what was learned to the description. float32 features stay float32; sums are float64. The data set is taken by
/// value: a caller that keeps none passes std::move and no second copy is made; on failure nothing of it is left.
/// INVALID_ARGUMENT starts with the transform, e.g. "transforms[2].standardize: …", and says field, value and range.
/// Refused besides what transform.h says: anything that changes columns after a bias column, a second bias column, a
/// split after a transform that was fitted (its test rows would have been seen), and results that are not finite.
/// CANCELLED when `should_stop` says so between transforms or inside PCA.
absl::StatusOr<Dataset> ApplyTransforms(const std::vector<Transform>& transforms, Dataset dataset,
                                        const ShouldStop& should_stop = {});

/// Sends rows with the columns of the data set as it was read (n×RawColumns) through the column transforms of
/// `description`, that of a data set which now has `columns` columns. Row selection and relabelling do not apply.
/// INVALID_ARGUMENT when the rows do not have RawColumns(description, columns) columns or a value is not finite (row
/// and column named).
absl::StatusOr<Matrix> TransformRows(const Description& description, std::int64_t columns, Matrix raw_rows);

/// The columns that TransformRows expects, for a data set that now has `columns` columns: without the bias column that
/// a transform appended and, before a projection, the columns it projects from.
std::int64_t RawColumns(const Description& description, std::int64_t columns);

}  // namespace cvxnn::data
