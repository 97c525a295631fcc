// SPDX-License-Identifier: Apache-2.0
// See tensor.h.
#include "server/translate/tensor.h"

#include <absl/strings/str_cat.h>

#include <cstring>

#include "core/data/validate.h"
#include "server/translate/choose.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

absl::StatusOr<data::Matrix> MatrixFromTensor(const v1::Tensor& tensor, const std::string& field) {
  const auto& shape = tensor.shape();
  Violations violations;
  const bool float32 = shape.data_type() == v1::DATA_TYPE_FLOAT32;
  violations.Require(shape.rows() >= 1, field + ".shape.rows", shape.rows(), "must be >= 1");
  violations.Require(shape.cols() >= 1, field + ".shape.cols", shape.cols(), "must be >= 1");
  violations.Require(float32 || shape.data_type() == v1::DATA_TYPE_FLOAT64, field + ".shape.data_type",
                     ValueName(shape.data_type()), "must be DATA_TYPE_FLOAT32 or DATA_TYPE_FLOAT64");
  if (!violations.empty()) return violations.ToStatus();
  // In floating point, so that absurd shapes cannot wrap around; the length then bounds what is allocated.
  const double bytes = (float32 ? 4.0 : 8.0) * static_cast<double>(shape.rows()) * static_cast<double>(shape.cols());
  if (bytes != static_cast<double>(tensor.data().size())) {
    return InvalidField(field + ".data", absl::StrCat(tensor.data().size(), " bytes"),
                        absl::StrCat("must be ", bytes, " bytes for ", shape.rows(), "x", shape.cols(), " ",
                                     ValueName(shape.data_type())));
  }
  data::Matrix matrix = float32 ? data::Matrix(data::RowMajor<float>(shape.rows(), shape.cols()))
                                : data::Matrix(data::RowMajor<double>(shape.rows(), shape.cols()));
  std::memcpy(matrix.mutable_data(), tensor.data().data(), tensor.data().size());
  if (absl::Status status = data::ValidateFinite(matrix, field); !status.ok()) return status;
  return matrix;
}

v1::Tensor TensorFromMatrix(const data::Matrix& matrix) {
  v1::Tensor tensor;
  const bool float32 = matrix.type() == data::ElementType::kFloat32;
  tensor.mutable_shape()->set_rows(matrix.rows());
  tensor.mutable_shape()->set_cols(matrix.cols());
  tensor.mutable_shape()->set_data_type(float32 ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_FLOAT64);
  const std::int64_t bytes = matrix.rows() * matrix.cols() * (float32 ? 4 : 8);
  tensor.set_data(matrix.data(), static_cast<std::size_t>(bytes));
  return tensor;
}

}  // namespace cvxnn::server
