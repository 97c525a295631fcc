// SPDX-License-Identifier: Apache-2.0
// Checks of an upload's header against proto/cvxnn/v1/dataset_service.proto.
#include "server/api/upload_header.h"

#include <absl/container/flat_hash_set.h>

#include <string>

#include "core/data/class_labels.h"
#include "server/translate/choose.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kMostRows = std::int64_t{1} << 40;
constexpr std::int64_t kMostColumns = (std::int64_t{1} << 31) - 1;

void CheckShape(const v1::MatrixShape& shape, const std::string& field, Violations* violations) {
  violations->Require(shape.rows() >= 1 && shape.rows() <= kMostRows, field + ".rows", shape.rows(),
                      "must be 1 to 2^40");
  violations->Require(shape.cols() >= 1 && shape.cols() <= kMostColumns, field + ".cols", shape.cols(),
                      "must be 1 to 2^31 - 1");
  const bool known = shape.data_type() == v1::DATA_TYPE_FLOAT32 || shape.data_type() == v1::DATA_TYPE_FLOAT64;
  violations->Require(known, field + ".data_type", ValueName(shape.data_type()),
                      "must be DATA_TYPE_FLOAT32 or DATA_TYPE_FLOAT64");
}

void CheckSame(std::int64_t value, std::int64_t expected, const std::string& field, const char* as_in,
               Violations* violations) {
  violations->Require(value == expected, field, value, absl::StrCat("must be ", expected, " as in ", as_in));
}

void CheckTestPart(const v1::CreateDatasetHeader& header, Violations* violations) {
  if (header.has_test_features() != header.has_test_targets()) {
    violations->Wrong(header.has_test_features() ? "test_targets" : "test_features",
                      "required: test features and test targets go together");
  }
  if (!header.has_test_features() || !header.has_test_targets()) return;
  CheckShape(header.test_features(), "test_features", violations);
  CheckShape(header.test_targets(), "test_targets", violations);
  CheckSame(header.test_features().cols(), header.features().cols(), "test_features.cols", "features", violations);
  CheckSame(header.test_targets().cols(), header.targets().cols(), "test_targets.cols", "targets", violations);
  CheckSame(header.test_targets().rows(), header.test_features().rows(), "test_targets.rows", "test_features",
            violations);
  violations->Require(header.test_features().data_type() == header.features().data_type(), "test_features.data_type",
                      ValueName(header.test_features().data_type()), "must be the same as features.data_type");
  violations->Require(header.test_targets().data_type() == header.targets().data_type(), "test_targets.data_type",
                      ValueName(header.test_targets().data_type()), "must be the same as targets.data_type");
}

template <typename Names>
void CheckNames(const Names& names, std::int64_t expected, const std::string& field, const char* of,
                Violations* violations) {
  if (!names.empty() && names.size() != expected) {
    violations->Wrong(field, absl::StrCat(names.size(), " names: must be ", expected, ", one per ", of, ", or none"));
  }
}

void CheckTargets(const v1::CreateDatasetHeader& header, Violations* violations) {
  const std::int64_t columns = header.targets().cols();
  switch (header.task()) {
    case v1::TASK_REGRESSION:
      CheckNames(header.target_names(), columns, "target_names", "target column", violations);
      if (!header.class_names().empty()) violations->Wrong("class_names", "must be empty for TASK_REGRESSION");
      return;
    case v1::TASK_BINARY:
      violations->Require(columns == 1, "targets.cols", columns, "must be 1 for TASK_BINARY");
      CheckNames(header.class_names(), 2, "class_names", "class {negative, positive}", violations);
      break;
    case v1::TASK_MULTICLASS:
      violations->Require(columns <= data::kMaxClasses, "targets.cols", columns,
                          absl::StrCat("must be at most ", data::kMaxClasses, " for TASK_MULTICLASS"));
      if (!HasClassIndices(header)) {
        CheckNames(header.class_names(), columns, "class_names", "target column", violations);
      } else if (header.class_names().size() == 1 || header.class_names().size() > data::kMaxClasses) {
        violations->Wrong("class_names", absl::StrCat(header.class_names().size(), " names: must be 2 to ",
                                                      data::kMaxClasses, ", one per class, or none"));
      }
      break;
    default:
      violations->Invalid("task", ValueName(header.task()), "must be TASK_REGRESSION, TASK_BINARY or TASK_MULTICLASS");
      return;
  }
  if (!header.target_names().empty()) violations->Wrong("target_names", "must be empty for classification");
  const absl::flat_hash_set<std::string> distinct(header.class_names().begin(), header.class_names().end());
  if (static_cast<int>(distinct.size()) != header.class_names().size()) {
    violations->Wrong("class_names", "a name occurs twice: must be distinct");
  }
}

void CheckImageShape(const v1::CreateDatasetHeader& header, Violations* violations) {
  if (!header.has_image_shape()) return;
  const auto& image = header.image_shape();
  // Each factor is below 2^31, so two of them fit into 62 bits and the product of three into a double's range.
  const double pixels =
      static_cast<double>(image.channels()) * static_cast<double>(image.height()) * static_cast<double>(image.width());
  const bool ok = image.channels() >= 1 && image.height() >= 1 && image.width() >= 1 &&
                  pixels == static_cast<double>(header.features().cols());
  violations->Require(ok, "image_shape", absl::StrCat(image.channels(), "x", image.height(), "x", image.width()),
                      absl::StrCat("each must be >= 1 and their product features.cols = ", header.features().cols()));
}

}  // namespace

bool HasClassIndices(const v1::CreateDatasetHeader& header) {
  return header.task() == v1::TASK_MULTICLASS && header.targets().cols() == 1;
}

void CheckUploadHeader(const v1::CreateDatasetHeader& header, Violations* violations) {
  CheckOptionalId(header.dataset_id(), "dataset_id", violations);
  CheckDisplayName(header.display_name(), "display_name", violations);
  CheckShape(header.features(), "features", violations);
  CheckShape(header.targets(), "targets", violations);
  CheckSame(header.targets().rows(), header.features().rows(), "targets.rows", "features", violations);
  CheckTestPart(header, violations);
  CheckTargets(header, violations);
  CheckNames(header.feature_names(), header.features().cols(), "feature_names", "feature column", violations);
  CheckImageShape(header, violations);
}

}  // namespace cvxnn::server
