// SPDX-License-Identifier: Apache-2.0
// Transforms in order, with the rules between them; see apply_transforms.h.
#include "core/data/apply_transforms.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/data/class_transforms.h"
#include "core/data/column_transforms.h"
#include "core/data/validate.h"

namespace cvxnn::data {
namespace {

absl::Status CheckOrder(const Transform& transform, const Description& description) {
  if (description.has_bias_column && std::holds_alternative<AppendBias>(transform)) {
    return absl::InvalidArgumentError("the data set already has a bias column: must be appended once only");
  }
  if (description.has_bias_column && IsColumnTransform(transform)) {
    return absl::InvalidArgumentError("it changes columns after append_bias: must come before it");
  }
  if (!std::holds_alternative<TrainTestSplit>(transform)) return absl::OkStatus();
  for (const FittedTransform& earlier : description.transforms) {
    if (!IsFitted(earlier.spec)) continue;
    return absl::InvalidArgumentError(absl::StrCat("it comes after ", TransformName(earlier.spec),
                                                   ", which has seen the rows to be held out: must come before it"));
  }
  return absl::OkStatus();
}

void DescribeColumns(const Transform& transform, std::int64_t columns, Description* description) {
  if (std::holds_alternative<PrincipalComponents>(transform)) {
    description->image_shape.reset();
    if (description->feature_names.empty()) return;
    description->feature_names.clear();
    for (std::int64_t k = 1; k <= columns; ++k) description->feature_names.push_back(absl::StrCat("component_", k));
  } else if (std::holds_alternative<AppendBias>(transform)) {
    description->has_bias_column = true;
    if (!description->feature_names.empty()) description->feature_names.emplace_back("bias");
  }
}

absl::Status ApplyOne(const Transform& transform, StopFlag* stop, Dataset* dataset) {
  if (stop->Poll()) return stop->status();
  Description& description = dataset->description;
  if (absl::Status status = CheckOrder(transform, description); !status.ok()) return status;
  absl::StatusOr<FittedTransform> fitted = FitColumns(transform, dataset->train.features, description, stop);
  if (!fitted.ok()) return fitted.status();

  if (const auto* select = std::get_if<SelectClasses>(&transform)) {
    if (absl::Status status = Apply(*select, dataset); !status.ok()) return status;
  } else if (const auto* subset = std::get_if<SubsetPerClass>(&transform)) {
    if (absl::Status status = Apply(*subset, dataset); !status.ok()) return status;
  } else if (const auto* split = std::get_if<TrainTestSplit>(&transform)) {
    if (absl::Status status = Apply(*split, dataset); !status.ok()) return status;
  } else {
    // An absent test part may be 0×0; it is given the columns that the fit expects.
    if (dataset->test.rows() == 0)
      dataset->test.features = Matrix(dataset->train.features.type(), 0, dataset->train.features.cols());
    for (Part* part : {&dataset->train, &dataset->test}) {
      if (absl::Status status = ApplyColumns(*fitted, &part->features, stop); !status.ok()) return status;
      const std::string what = part == &dataset->train ? "result: train.features" : "result: test.features";
      if (absl::Status status = ValidateFinite(part->features, what); !status.ok()) return status;
    }
    DescribeColumns(transform, dataset->train.features.cols(), &description);
  }
  description.transforms.push_back(*std::move(fitted));
  return absl::OkStatus();
}

absl::Status Prefixed(const std::string& prefix, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(prefix, status.message()));
}

absl::Status OutOfMemory() { return absl::ResourceExhaustedError("not enough memory to transform the data set"); }

}  // namespace

absl::StatusOr<Dataset> ApplyTransforms(const std::vector<Transform>& transforms, Dataset dataset,
                                        const ShouldStop& should_stop) {
  StopFlag stop(should_stop);
  if (absl::Status status = ValidateDataset(dataset); !status.ok()) return status;
  try {
    for (std::size_t i = 0; i < transforms.size(); ++i) {
      if (absl::Status status = ApplyOne(transforms[i], &stop, &dataset); !status.ok()) {
        return Prefixed(absl::StrCat("transforms[", i, "].", TransformName(transforms[i]), ": "), status);
      }
    }
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
  return dataset;
}

absl::StatusOr<Matrix> TransformRows(const Description& description, std::int64_t columns, Matrix raw_rows) {
  if (const std::int64_t expected = RawColumns(description, columns); raw_rows.cols() != expected) {
    return absl::InvalidArgumentError(absl::StrCat("rows have ", raw_rows.cols(), " columns: must have ", expected));
  }
  StopFlag never({});
  if (absl::Status status = ValidateFinite(raw_rows, "rows"); !status.ok()) return status;
  try {
    for (std::size_t i = 0; i < description.transforms.size(); ++i) {
      const FittedTransform& fitted = description.transforms[i];
      if (!IsColumnTransform(fitted.spec)) continue;
      if (absl::Status status = ApplyColumns(fitted, &raw_rows, &never); !status.ok()) {
        return Prefixed(absl::StrCat("transforms[", i, "].", TransformName(fitted.spec), ": "), status);
      }
    }
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
  if (absl::Status status = ValidateFinite(raw_rows, "transformed rows"); !status.ok()) return status;
  return raw_rows;
}

std::int64_t RawColumns(const Description& description, std::int64_t columns) {
  for (std::size_t i = description.transforms.size(); i-- > 0;) {
    const FittedTransform& fitted = description.transforms[i];
    if (std::holds_alternative<AppendBias>(fitted.spec)) --columns;
    if (std::holds_alternative<PrincipalComponents>(fitted.spec)) {
      columns = static_cast<std::int64_t>(fitted.mean.size());
    }
  }
  return columns;
}

}  // namespace cvxnn::data
