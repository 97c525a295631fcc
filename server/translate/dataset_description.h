// SPDX-License-Identifier: Apache-2.0
// A data set's description in the contract's message.
#pragma once

#include "core/data/dataset.h"
#include "cvxnn/v1/dataset.pb.h"
#include "cvxnn/v1/tensor.pb.h"

namespace cvxnn::server {

v1::Task TaskToProto(data::Task task);
/// `task` must be one of the three; unspecified counts as regression.
data::Task TaskFromProto(v1::Task task);
v1::DataType DataTypeToProto(data::ElementType type);
v1::MatrixShape ShapeOf(const data::Matrix& matrix);

/// Bytes of the arrays of both parts.
std::int64_t ArrayBytes(const data::Dataset& dataset);

/// Everything but name, display_name, stored_bytes and create_time, which only the server knows. Class rows are counted
/// over the training part.
v1::Dataset DatasetToProto(const data::Dataset& dataset);

}  // namespace cvxnn::server
