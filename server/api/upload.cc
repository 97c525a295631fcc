// SPDX-License-Identifier: Apache-2.0
// Receives the arrays of an upload; see upload.h.
#include "server/api/upload.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "core/data/apply_transforms.h"
#include "core/data/class_labels.h"
#include "core/data/validate.h"
#include "server/api/parts.h"
#include "server/api/status.h"
#include "server/api/upload_header.h"
#include "server/store/checked_file.h"
#include "server/translate/choose.h"
#include "server/translate/dataset_description.h"
#include "server/translate/transforms.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

double ShapeBytes(const v1::MatrixShape& shape) {
  const double element = shape.data_type() == v1::DATA_TYPE_FLOAT32 ? 4 : 8;
  return element * static_cast<double>(shape.rows()) * static_cast<double>(shape.cols());
}

// Asks for pages of 2 MiB: faulting in 4 KiB pages takes three times as long as copying the chunks.
void PreferHugePages(data::Matrix* matrix) {
  constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(matrix->mutable_data());
  const std::uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t end = (begin + static_cast<std::uintptr_t>(matrix->bytes())) / kHugePage * kHugePage;
  // Where the kernel has none, small pages do.
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

// Not zeroed: the kernel gives the pages when chunks arrive.
data::Matrix Uninitialized(const v1::MatrixShape& shape) {
  const bool is_float = shape.data_type() == v1::DATA_TYPE_FLOAT32;
  data::Matrix matrix = is_float ? data::Matrix(data::RowMajor<float>(shape.rows(), shape.cols()))
                                 : data::Matrix(data::RowMajor<double>(shape.rows(), shape.cols()));
  PreferHugePages(&matrix);
  return matrix;
}

absl::Status CheckBytes(double bytes, std::int64_t max_bytes) {
  if (bytes <= static_cast<double>(max_bytes)) return absl::OkStatus();
  return QuotaExceeded("max_dataset_bytes",
                       absl::StrFormat("the arrays need %.0f bytes, the limit is %d", bytes, max_bytes));
}

data::Description DescriptionOf(const v1::CreateDatasetHeader& header) {
  data::Description description;
  description.task = TaskFromProto(header.task());
  description.source = "upload";
  description.feature_names.assign(header.feature_names().begin(), header.feature_names().end());
  description.target_names.assign(header.target_names().begin(), header.target_names().end());
  description.class_names.assign(header.class_names().begin(), header.class_names().end());
  if (header.has_image_shape()) {
    description.image_shape =
        data::ImageShape{header.image_shape().channels(), header.image_shape().height(), header.image_shape().width()};
  }
  if (description.class_names.empty() && description.task != data::Task::kRegression && !HasClassIndices(header)) {
    const std::int64_t classes = description.task == data::Task::kBinary ? 2 : header.targets().cols();
    for (std::int64_t i = 0; i < classes; ++i) description.class_names.push_back(absl::StrCat(i));
  }
  return description;
}

// Class numbers of a column; `most` is one above the largest allowed.
absl::StatusOr<std::vector<std::int64_t>> ClassIndices(const data::Matrix& column, std::int64_t most,
                                                       const char* field) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(column.rows()));
  for (std::int64_t row = 0; row < column.rows(); ++row) {
    const double value = column.at(row, 0);
    if (!(value >= 0 && value < static_cast<double>(most) && value == std::floor(value))) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": row ", row, ", column 0 is ", value,
                                                     ": must be a class index, an integer from 0 to ", most - 1));
    }
    indices[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(value);
  }
  return indices;
}

}  // namespace

double Upload::PromisedBytes(const v1::CreateDatasetHeader& header) {
  // Class indices become as many columns as there are names; without names only the indices themselves will tell.
  const double columns = HasClassIndices(header) ? std::max(1, header.class_names().size()) : 1;
  double bytes = ShapeBytes(header.features()) + columns * ShapeBytes(header.targets());
  if (header.has_test_features()) {
    bytes += ShapeBytes(header.test_features()) + columns * ShapeBytes(header.test_targets());
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<Upload>> Upload::Begin(const v1::CreateDatasetHeader& header, std::int64_t max_bytes) {
  Violations violations("header.");
  CheckUploadHeader(header, &violations);
  std::unique_ptr<Upload> upload(new Upload());
  upload->transforms_ = TransformsFromProto(header.transforms(), &violations);
  if (!violations.empty()) return violations.ToStatus();
  const double bytes = PromisedBytes(header);
  if (absl::Status status = CheckBytes(bytes, max_bytes); !status.ok()) return status;
  upload->max_bytes_ = max_bytes;
  upload->dataset_.description = DescriptionOf(header);
  upload->class_indices_ = HasClassIndices(header);
  try {
    upload->dataset_.train.features = Uninitialized(header.features());
    upload->dataset_.train.targets = Uninitialized(header.targets());
    v1::MatrixShape features = header.features(), targets = header.targets();
    features.set_rows(header.test_features().rows());
    targets.set_rows(header.test_targets().rows());
    upload->dataset_.test.features = Uninitialized(features);
    upload->dataset_.test.targets = Uninitialized(targets);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrFormat("no memory for arrays of %.0f bytes", bytes));
  }
  return upload;
}

absl::Status Upload::Add(const v1::DatasetChunk& chunk) {
  const std::string array_name = ValueName(chunk.array());
  if (chunk.array() < v1::DATASET_ARRAY_FEATURES || chunk.array() > v1::DATASET_ARRAY_TEST_TARGETS) {
    return InvalidField("chunk.array", array_name, "must be one of the four arrays");
  }
  const std::string& data = chunk.data();
  if (data.empty() || data.size() > static_cast<std::size_t>(kMaxChunkBytes)) {
    return InvalidField("chunk.data", absl::StrCat(data.size(), " bytes"),
                        absl::StrCat("must be 1 to ", kMaxChunkBytes, " bytes"));
  }
  data::Matrix& matrix = *Arrays()[static_cast<std::size_t>(chunk.array() - 1)];
  std::int64_t& received = received_[static_cast<std::size_t>(chunk.array() - 1)];
  if (chunk.offset() != received) {
    return InvalidField("chunk.offset", chunk.offset(),
                        absl::StrCat("must be ", received, ", the bytes of ", array_name, " received so far"));
  }
  const auto bytes = static_cast<std::int64_t>(data.size());
  if (bytes > matrix.bytes() - received) {
    return InvalidField("chunk.data", absl::StrCat(bytes, " bytes at offset ", chunk.offset()),
                        absl::StrCat("must end within the ", matrix.bytes(), " bytes of ", array_name));
  }
  const std::uint32_t crc32 = Crc32(data.data(), data.size());
  if (crc32 != chunk.crc32()) {
    return absl::DataLossError(
        absl::StrFormat("chunk of %s at offset %d: CRC-32 is %08x, the message says %08x: sent "
                        "again it may pass",
                        array_name, chunk.offset(), crc32, chunk.crc32()));
  }
  std::memcpy(static_cast<char*>(matrix.mutable_data()) + received, data.data(), data.size());
  received += bytes;
  return absl::OkStatus();
}

absl::Status Upload::CheckComplete() {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < received_.size(); ++i) {
    const std::int64_t bytes = Arrays()[i]->bytes();
    if (received_[i] == bytes) continue;
    missing.push_back(
        absl::StrCat(ValueName(static_cast<v1::DatasetArray>(i + 1)), " has ", received_[i], " of ", bytes, " bytes"));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the stream ended early: ", absl::StrJoin(missing, ", ")));
}

absl::Status Upload::OneHotTargets() {
  data::Matrix& train = dataset_.train.targets;
  data::Matrix& test = dataset_.test.targets;
  std::vector<std::string>& class_names = dataset_.description.class_names;
  const auto named = static_cast<std::int64_t>(class_names.size());
  auto indices = ClassIndices(train, named > 0 ? named : data::kMaxClasses, "targets");
  if (!indices.ok()) return indices.status();
  const std::int64_t classes =
      named > 0 ? named : std::max<std::int64_t>(2, *std::max_element(indices->begin(), indices->end()) + 1);
  auto test_indices = ClassIndices(test, classes, "test_targets");
  if (!test_indices.ok()) return test_indices.status();
  const double target_bytes = static_cast<double>(classes) * static_cast<double>(train.bytes() + test.bytes());
  const auto feature_bytes = static_cast<double>(dataset_.train.features.bytes() + dataset_.test.features.bytes());
  if (absl::Status status = CheckBytes(feature_bytes + target_bytes, max_bytes_); !status.ok()) return status;
  for (std::int64_t i = named; i < classes; ++i) class_names.push_back(absl::StrCat(i));
  train = data::OneHot(*indices, classes, train.type());
  test = data::OneHot(*test_indices, classes, test.type());
  return absl::OkStatus();
}

absl::StatusOr<data::Dataset> Upload::Finish(const data::ShouldStop& should_stop) {
  if (class_indices_) {
    if (absl::Status status = OneHotTargets(); !status.ok()) return status;
  }
  if (KeepsWhatArrives()) {
    // Nothing else is to be done, and what is refused stays here: its memory may still be read.
    if (absl::Status status = data::ValidateDataset(dataset_); !status.ok()) return status;
    return std::move(dataset_);
  }
  return data::ApplyTransforms(transforms_, std::move(dataset_), should_stop);
}

}  // namespace cvxnn::server
