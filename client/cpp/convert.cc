// SPDX-License-Identifier: Apache-2.0
// Shapes and bytes of matrices in messages: little-endian and row-major, as core holds them on every machine we build
// for.
#include "client/cpp/convert.h"

#include <absl/strings/str_cat.h>

#include <bit>
#include <cstring>

namespace cvxnn::client {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays on the wire are little-endian");

void SetShape(const data::Matrix& matrix, std::int64_t rows, v1::MatrixShape* shape) {
  shape->set_rows(rows);
  shape->set_cols(matrix.cols());
  shape->set_data_type(matrix.type() == data::ElementType::kFloat32 ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_FLOAT64);
}

}  // namespace

v1::Task ToProto(data::Task task) {
  switch (task) {
    case data::Task::kRegression:
      return v1::TASK_REGRESSION;
    case data::Task::kBinary:
      return v1::TASK_BINARY;
    case data::Task::kMulticlass:
      return v1::TASK_MULTICLASS;
  }
  return v1::TASK_UNSPECIFIED;
}

void FillHeader(const data::Dataset& dataset, v1::CreateDatasetHeader* header) {
  const data::Description& description = dataset.description;
  header->set_task(ToProto(description.task));
  SetShape(dataset.train.features, dataset.train.rows(), header->mutable_features());
  SetShape(dataset.train.targets, dataset.train.rows(), header->mutable_targets());
  header->clear_test_features();
  header->clear_test_targets();
  if (dataset.test.rows() > 0) {
    SetShape(dataset.test.features, dataset.test.rows(), header->mutable_test_features());
    SetShape(dataset.test.targets, dataset.test.rows(), header->mutable_test_targets());
  }
  header->mutable_feature_names()->Assign(description.feature_names.begin(), description.feature_names.end());
  header->mutable_class_names()->Assign(description.class_names.begin(), description.class_names.end());
  header->mutable_target_names()->Assign(description.target_names.begin(), description.target_names.end());
  header->clear_image_shape();
  if (description.image_shape.has_value() && !description.has_bias_column) {
    header->mutable_image_shape()->set_channels(static_cast<std::int32_t>(description.image_shape->channels));
    header->mutable_image_shape()->set_height(static_cast<std::int32_t>(description.image_shape->height));
    header->mutable_image_shape()->set_width(static_cast<std::int32_t>(description.image_shape->width));
  }
}

v1::Tensor ToTensor(const data::Matrix& matrix, std::int64_t first_row, std::int64_t row_count) {
  v1::Tensor tensor;
  SetShape(matrix, row_count, tensor.mutable_shape());
  const std::int64_t row_bytes = matrix.rows() > 0 ? matrix.bytes() / matrix.rows() : 0;
  tensor.set_data(static_cast<const char*>(matrix.data()) + first_row * row_bytes,
                  static_cast<std::size_t>(row_count * row_bytes));
  return tensor;
}

absl::StatusOr<data::Matrix> ToMatrix(const v1::Tensor& tensor) {
  const v1::MatrixShape& shape = tensor.shape();
  if (shape.data_type() != v1::DATA_TYPE_FLOAT32 && shape.data_type() != v1::DATA_TYPE_FLOAT64) {
    return absl::InvalidArgumentError(absl::StrCat("shape.data_type = ", shape.data_type(), ": not a known type"));
  }
  const bool single = shape.data_type() == v1::DATA_TYPE_FLOAT32;
  const std::int64_t elements = static_cast<std::int64_t>(tensor.data().size()) / (single ? 4 : 8);
  const bool fits = shape.rows() >= 0 && shape.cols() >= 1 && shape.rows() <= elements / shape.cols() &&
                    shape.rows() * shape.cols() * (single ? 4 : 8) == static_cast<std::int64_t>(tensor.data().size());
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat("data = ", tensor.data().size(), " bytes: must hold ", shape.rows(),
                                                   "×", shape.cols(), " elements"));
  }
  data::Matrix matrix(single ? data::ElementType::kFloat32 : data::ElementType::kFloat64, shape.rows(), shape.cols());
  std::memcpy(matrix.mutable_data(), tensor.data().data(), tensor.data().size());
  return matrix;
}

}  // namespace cvxnn::client
