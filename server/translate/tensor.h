// SPDX-License-Identifier: Apache-2.0
// Matrices that travel whole in a message.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/data/matrix.h"
#include "cvxnn/v1/tensor.pb.h"

namespace cvxnn::server {

/// A tensor sent whole. INVALID_ARGUMENT: its shape, type or length; a value that is not finite (row and column named).
absl::StatusOr<data::Matrix> MatrixFromTensor(const v1::Tensor& tensor, const std::string& field);

v1::Tensor TensorFromMatrix(const data::Matrix& matrix);

}  // namespace cvxnn::server
