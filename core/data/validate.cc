// SPDX-License-Identifier: Apache-2.0
// Checks of a data set; see validate.h.
#include "core/data/validate.h"

#include <absl/strings/str_cat.h>

#include <cmath>
#include <vector>

#include "core/data/class_labels.h"

namespace cvxnn::data {
namespace {

template <typename... Pieces>
absl::Status Fault(const Pieces&... pieces) {
  return absl::InvalidArgumentError(absl::StrCat(pieces...));
}

absl::Status CheckNames(const std::string& field, std::size_t names, std::int64_t columns) {
  if (names == 0 || static_cast<std::int64_t>(names) == columns) return absl::OkStatus();
  return Fault(field, " has ", names, " names for ", columns, " columns");
}

absl::Status CheckShapes(const Dataset& dataset) {
  const Part& train = dataset.train;
  const Part& test = dataset.test;
  if (train.features.rows() < 1) return Fault("train.features has 0 rows: must have >= 1");
  if (train.features.cols() < 1) return Fault("train.features has 0 columns: must have >= 1");
  if (train.targets.cols() < 1) return Fault("train.targets has 0 columns: must have >= 1");
  for (const Part* part : {&train, &test}) {
    const char* name = part == &train ? "train" : "test";
    if (part->features.rows() == part->targets.rows()) continue;
    return Fault(name, ".features has ", part->features.rows(), " rows but ", name, ".targets has ",
                 part->targets.rows());
  }
  if (test.rows() == 0) return absl::OkStatus();
  if (test.features.cols() != train.features.cols()) {
    return Fault("test.features has ", test.features.cols(), " columns but train.features has ", train.features.cols());
  }
  if (test.targets.cols() != train.targets.cols()) {
    return Fault("test.targets has ", test.targets.cols(), " columns but train.targets has ", train.targets.cols());
  }
  return absl::OkStatus();
}

absl::Status CheckDescription(const Dataset& dataset) {
  const Description& description = dataset.description;
  const std::int64_t columns = dataset.train.features.cols();
  if (absl::Status s = CheckNames("feature_names", description.feature_names.size(), columns); !s.ok()) return s;
  if (absl::Status s = CheckNames("target_names", description.target_names.size(), dataset.train.targets.cols());
      !s.ok()) {
    return s;
  }
  if (!description.image_shape) return absl::OkStatus();
  const ImageShape& image = *description.image_shape;
  const std::int64_t pixel_columns = columns - (description.has_bias_column ? 1 : 0);
  // Each factor is bounded first, so that the product cannot wrap around.
  for (const std::int64_t size : {image.channels, image.height, image.width}) {
    if (size < 1 || size > pixel_columns) {
      return Fault("image_shape ", image.channels, "x", image.height, "x", image.width, " does not fit ", pixel_columns,
                   " columns");
    }
  }
  const double pixels =
      static_cast<double>(image.channels) * static_cast<double>(image.height) * static_cast<double>(image.width);
  if (pixels != static_cast<double>(pixel_columns)) {
    return Fault("image_shape ", image.channels, "x", image.height, "x", image.width, " has ", pixels, " pixels for ",
                 pixel_columns, " columns");
  }
  return absl::OkStatus();
}

absl::Status CheckPlusMinusOne(const Matrix& targets, const std::string& what) {
  for (std::int64_t row = 0; row < targets.rows(); ++row) {
    const double value = targets.at(row, 0);
    if (value != 1 && value != -1) return Fault(what, ": row ", row, " is ", value, ": must be -1 or +1");
  }
  return absl::OkStatus();
}

absl::Status CheckOneHot(const Matrix& targets, const std::string& what) {
  return targets.Visit([&](const auto& y) -> absl::Status {
    for (Eigen::Index row = 0; row < y.rows(); ++row) {
      const Eigen::Index ones = (y.row(row).array() == 1).count();
      const Eigen::Index zeros = (y.row(row).array() == 0).count();
      if (ones == 1 && ones + zeros == y.cols()) continue;
      return Fault(what, ": row ", row, " is not one-hot: must hold a single 1 and otherwise 0");
    }
    return absl::OkStatus();
  });
}

absl::Status CheckClasses(const Dataset& dataset) {
  const Description& description = dataset.description;
  if (description.task == Task::kRegression) return absl::OkStatus();
  const bool binary = description.task == Task::kBinary;
  const std::int64_t columns = dataset.train.targets.cols();
  if (binary && columns != 1) return Fault("train.targets has ", columns, " columns: a binary task has 1");
  if (!binary && columns < 2) return Fault("train.targets has ", columns, " column: a multiclass task has >= 2");
  const std::int64_t class_count = binary ? 2 : columns;
  if (static_cast<std::int64_t>(description.class_names.size()) != class_count) {
    return Fault("class_names has ", description.class_names.size(), " names for ", class_count, " classes");
  }
  for (const Part* part : {&dataset.train, &dataset.test}) {
    const std::string what = part == &dataset.train ? "train.targets" : "test.targets";
    absl::Status status = binary ? CheckPlusMinusOne(part->targets, what) : CheckOneHot(part->targets, what);
    if (!status.ok()) return status;
  }
  const std::vector<std::int64_t> counts =
      CountClasses(ClassOfRows(description.task, dataset.train.targets), class_count);
  for (std::size_t label = 0; label < counts.size(); ++label) {
    if (counts[label] == 0) {
      return Fault("class \"", description.class_names[label], "\" has no rows in the training part: must have >= 1");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateFinite(const Matrix& matrix, const std::string& what) {
  return matrix.Visit([&](const auto& values) -> absl::Status {
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
      if (values.row(row).allFinite()) continue;
      for (Eigen::Index column = 0; column < values.cols(); ++column) {
        if (std::isfinite(values(row, column))) continue;
        return Fault(what, ": row ", row, ", column ", column, " is ", values(row, column), ": must be finite");
      }
    }
    return absl::OkStatus();
  });
}

absl::Status ValidateDataset(const Dataset& dataset) {
  if (absl::Status s = CheckShapes(dataset); !s.ok()) return s;
  if (absl::Status s = CheckDescription(dataset); !s.ok()) return s;
  if (absl::Status s = ValidateFinite(dataset.train.features, "train.features"); !s.ok()) return s;
  if (absl::Status s = ValidateFinite(dataset.train.targets, "train.targets"); !s.ok()) return s;
  if (absl::Status s = ValidateFinite(dataset.test.features, "test.features"); !s.ok()) return s;
  if (absl::Status s = ValidateFinite(dataset.test.targets, "test.targets"); !s.ok()) return s;
  return CheckClasses(dataset);
}

}  // namespace cvxnn::data
