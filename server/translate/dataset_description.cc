// SPDX-License-Identifier: Apache-2.0
// Descriptions as messages; see dataset_description.h.
#include "server/translate/dataset_description.h"

#include "core/data/class_labels.h"
#include "server/translate/transforms.h"

namespace cvxnn::server {

v1::Task TaskToProto(data::Task task) {
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

data::Task TaskFromProto(v1::Task task) {
  if (task == v1::TASK_BINARY) return data::Task::kBinary;
  return task == v1::TASK_MULTICLASS ? data::Task::kMulticlass : data::Task::kRegression;
}

v1::DataType DataTypeToProto(data::ElementType type) {
  return type == data::ElementType::kFloat32 ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_FLOAT64;
}

v1::MatrixShape ShapeOf(const data::Matrix& matrix) {
  v1::MatrixShape shape;
  shape.set_rows(matrix.rows());
  shape.set_cols(matrix.cols());
  shape.set_data_type(DataTypeToProto(matrix.type()));
  return shape;
}

std::int64_t ArrayBytes(const data::Dataset& dataset) {
  return dataset.train.features.bytes() + dataset.train.targets.bytes() + dataset.test.features.bytes() +
         dataset.test.targets.bytes();
}

v1::Dataset DatasetToProto(const data::Dataset& dataset) {
  const auto& description = dataset.description;
  v1::Dataset to;
  to.set_task(TaskToProto(description.task));
  to.set_source(description.source);
  *to.mutable_features() = ShapeOf(dataset.train.features);
  *to.mutable_targets() = ShapeOf(dataset.train.targets);
  to.set_test_rows(dataset.test.rows());
  to.mutable_feature_names()->Assign(description.feature_names.begin(), description.feature_names.end());
  to.mutable_target_names()->Assign(description.target_names.begin(), description.target_names.end());
  to.mutable_class_names()->Assign(description.class_names.begin(), description.class_names.end());
  if (description.task != data::Task::kRegression) {
    const auto classes = data::ClassOfRows(description.task, dataset.train.targets);
    const auto rows = data::CountClasses(classes, static_cast<std::int64_t>(description.class_names.size()));
    to.mutable_class_rows()->Assign(rows.begin(), rows.end());
  }
  if (description.image_shape.has_value()) {
    to.mutable_image_shape()->set_channels(static_cast<std::int32_t>(description.image_shape->channels));
    to.mutable_image_shape()->set_height(static_cast<std::int32_t>(description.image_shape->height));
    to.mutable_image_shape()->set_width(static_cast<std::int32_t>(description.image_shape->width));
  }
  to.set_has_bias_column(description.has_bias_column);
  for (const auto& fitted : description.transforms) *to.add_transforms() = FittedTransformToProto(fitted);
  return to;
}

}  // namespace cvxnn::server
