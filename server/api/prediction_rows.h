// SPDX-License-Identifier: Apache-2.0
// The rows that a prediction is about, as a matrix that somebody owns.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "core/data/dataset.h"
#include "core/data/matrix.h"
#include "cvxnn/v1/model.pb.h"
#include "cvxnn/v1/model_service.pb.h"
#include "server/api/parts.h"
#include "server/translate/tensor.h"

namespace cvxnn::server {

/// Rows of one part of a data set, which `dataset` keeps alive.
struct StoredRows {
  std::shared_ptr<const data::Dataset> dataset;
  const data::Part* part = nullptr;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// The data set that `model` was trained on. NOT_FOUND: it was deleted. FAILED_PRECONDITION: it was, and another data
/// set has its name.
absl::StatusOr<ResidentDatasets::Resident> DatasetOf(const Parts& parts, const v1::Model& model);

/// Where no data set is named, rows of the one that `model` was trained on. NOT_FOUND: no such data set.
/// FAILED_PRECONDITION: as DatasetOf, or it has no such part. INVALID_ARGUMENT: rows outside the part.
absl::StatusOr<StoredRows> FindRows(const Parts& parts, const v1::DatasetRows& rows, const v1::Model& model);

}  // namespace cvxnn::server
