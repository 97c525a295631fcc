// SPDX-License-Identifier: Apache-2.0
// The rows that a prediction is about, as a matrix that somebody owns.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "core/data/dataset.h"
#include "core/data/matrix.h"
#include "cvxnn/v1/model_service.pb.h"
#include "cvxnn/v1/tensor.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// A tensor sent whole. INVALID_ARGUMENT: its shape, type or length; a value that is not finite (row and column named).
absl::StatusOr<data::Matrix> MatrixFromTensor(const v1::Tensor& tensor, const std::string& field);

/// Rows of one part of a data set, which `dataset` keeps alive.
struct StoredRows {
  std::shared_ptr<const data::Dataset> dataset;
  const data::Part* part = nullptr;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// NOT_FOUND: no such data set (`default_dataset` where none is named). FAILED_PRECONDITION: it has no such part.
/// INVALID_ARGUMENT: rows outside the part.
absl::StatusOr<StoredRows> FindRows(const Parts& parts, const v1::DatasetRows& rows,
                                    const std::string& default_dataset);

}  // namespace cvxnn::server
