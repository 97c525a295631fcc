// SPDX-License-Identifier: Apache-2.0
// Between core's data sets and matrices and the messages that carry them.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "core/data/dataset.h"
#include "cvxnn/v1/dataset_service.pb.h"
#include "cvxnn/v1/tensor.pb.h"

namespace cvxnn::client {

v1::Task ToProto(data::Task task);

/// Sets shapes, task, names and image shape. Transforms that `dataset` went through are not part of an upload.
void FillHeader(const data::Dataset& dataset, v1::CreateDatasetHeader* header);

/// `row_count` rows from `first_row` on; the range must lie within the matrix.
v1::Tensor ToTensor(const data::Matrix& matrix, std::int64_t first_row, std::int64_t row_count);

/// INVALID_ARGUMENT when the bytes do not fit the shape, or the type is unknown.
absl::StatusOr<data::Matrix> ToMatrix(const v1::Tensor& tensor);

}  // namespace cvxnn::client
