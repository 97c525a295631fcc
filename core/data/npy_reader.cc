// SPDX-License-Identifier: Apache-2.0
// Elements of NPY arrays, and data sets made of arrays; see npy_reader.h. npy_header.h reads what comes before.
#include "core/data/npy_reader.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/data/class_labels.h"
#include "core/data/npy_header.h"
#include "core/data/validate.h"

namespace cvxnn::data {
namespace {

constexpr std::int64_t kChunkElements = 1 << 17;

template <typename Stored, typename Scalar>
Scalar Load(const unsigned char* bytes, bool swap) {
  unsigned char ordered[sizeof(Stored)];
  std::memcpy(ordered, bytes, sizeof(Stored));
  if (swap) std::reverse(ordered, ordered + sizeof(Stored));
  Stored value;
  std::memcpy(&value, ordered, sizeof(Stored));
  return static_cast<Scalar>(value);
}

template <typename Scalar>
using Loader = Scalar (*)(const unsigned char*, bool);

template <typename Scalar>
Loader<Scalar> LoaderFor(const NpyHeader& header) {
  const bool is_signed = header.kind == 'i';
  switch (header.item_bytes) {
    case 1:
      if (header.kind == 'b') return [](const unsigned char* byte, bool) { return static_cast<Scalar>(*byte != 0); };
      return is_signed ? Load<std::int8_t, Scalar> : Load<std::uint8_t, Scalar>;
    case 2:
      return is_signed ? Load<std::int16_t, Scalar> : Load<std::uint16_t, Scalar>;
    case 4:
      if (header.kind == 'f') return Load<float, Scalar>;
      return is_signed ? Load<std::int32_t, Scalar> : Load<std::uint32_t, Scalar>;
    default:
      if (header.kind == 'f') return Load<double, Scalar>;
      return is_signed ? Load<std::int64_t, Scalar> : Load<std::uint64_t, Scalar>;
  }
}

// Where the elements go, one after another as stored, in a C-ordered buffer.
class Places {
 public:
  explicit Places(const NpyHeader& header)
      : fortran_(header.fortran_order), shape_(header.shape), index_(shape_.size(), 0), stride_(shape_.size(), 1) {
    for (std::size_t k = shape_.size() - 1; k > 0; --k) stride_[k - 1] = stride_[k] * shape_[k];
  }
  std::int64_t Next() {
    const std::int64_t place = place_;
    if (!fortran_) {
      ++place_;
      return place;
    }
    for (std::size_t k = 0; k < shape_.size(); ++k) {
      place_ += stride_[k];
      if (++index_[k] < shape_[k]) break;
      place_ -= stride_[k] * shape_[k];
      index_[k] = 0;
    }
    return place;
  }

 private:
  bool fortran_;
  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> index_;
  std::vector<std::int64_t> stride_;
  std::int64_t place_ = 0;
};

template <typename Scalar>
absl::Status ReadElements(ByteSource& source, const NpyHeader& header, Scalar* values) {
  const Loader<Scalar> load = LoaderFor<Scalar>(header);
  Places places(header);
  std::vector<unsigned char> chunk;
  for (std::int64_t done = 0; done < header.elements;) {
    const std::int64_t count = std::min(kChunkElements, header.elements - done);
    chunk.resize(static_cast<std::size_t>(count * header.item_bytes));
    if (absl::Status status = source.ReadExactly(chunk.data(), chunk.size()); !status.ok()) return status;
    for (std::int64_t i = 0; i < count; ++i) {
      values[places.Next()] = load(chunk.data() + i * header.item_bytes, header.swap_bytes);
    }
    done += count;
  }
  return absl::OkStatus();
}

std::string ShapeText(const NpyArray& array) { return absl::StrCat("(", absl::StrJoin(array.shape, ", "), ")"); }

// Whole numbers of one column, for use as class labels.
absl::StatusOr<std::vector<std::int64_t>> WholeNumbers(const NpyArray& targets, const std::string& what) {
  std::vector<std::int64_t> labels;
  if (targets.shape.empty()) return labels;
  if (targets.values.cols() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has shape ", ShapeText(targets), ": must be one class number per row"));
  }
  constexpr double kLargest = 9007199254740992.0;  // 2^53: above it, neighbouring integers are the same double
  for (std::int64_t row = 0; row < targets.values.rows(); ++row) {
    const double value = targets.values.at(row, 0);
    if (std::isfinite(value) && value == std::floor(value) && std::abs(value) >= kLargest) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": row ", row, " is ", value, ": a class number must be below 2^53 in magnitude"));
    }
    if (value != std::floor(value) || !std::isfinite(value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": row ", row, " is ", value, ": must be a whole number; for real-valued targets read them as values"));
    }
    labels.push_back(static_cast<std::int64_t>(value));
  }
  return labels;
}

absl::Status SetWholeNumberClasses(const NpyArray& train, const NpyArray& test, std::int64_t max_bytes,
                                   Dataset* dataset) {
  absl::StatusOr<std::vector<std::int64_t>> train_labels = WholeNumbers(train, "training targets");
  if (!train_labels.ok()) return train_labels.status();
  absl::StatusOr<std::vector<std::int64_t>> test_labels = WholeNumbers(test, "test targets");
  if (!test_labels.ok()) return test_labels.status();
  std::vector<std::int64_t> values = *train_labels;
  values.insert(values.end(), test_labels->begin(), test_labels->end());
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<std::string> names;
  names.reserve(values.size());
  for (const std::int64_t value : values) names.push_back(absl::StrCat(value));
  for (std::vector<std::int64_t>* labels : {&*train_labels, &*test_labels}) {
    for (std::int64_t& label : *labels) {
      label = std::lower_bound(values.begin(), values.end(), label) - values.begin();
    }
  }
  return SetClassTargets(*train_labels, *test_labels, names, max_bytes, dataset);
}

absl::Status CheckRows(const NpyArray& features, const NpyArray& targets, const std::string& part) {
  if (features.shape.empty() == targets.shape.empty() && features.values.rows() == targets.values.rows()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(part, " features have ", features.values.rows(), " rows but ", part,
                                                 " targets have ", targets.values.rows(), ": must be equal"));
}

}  // namespace

absl::StatusOr<NpyArray> ReadNpyArray(ByteSource& source, std::int64_t max_bytes) {
  const absl::StatusOr<NpyHeader> header = ReadNpyHeader(source);
  if (!header.ok()) return header.status();
  // Before any memory is taken: the bytes must be there, and what they become must fit.
  if (header->elements > source.max_size() / header->item_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(source.name(), ": truncated: its header promises ", header->elements,
                                                   " elements of ", header->item_bytes, " bytes, the file has at most ",
                                                   source.max_size(), " bytes"));
  }
  const bool narrow = (header->kind == 'f' && header->item_bytes == 4) || header->kind == 'b' ||
                      (header->kind == 'u' && header->item_bytes == 1);
  const ElementType type = narrow ? ElementType::kFloat32 : ElementType::kFloat64;
  if (header->elements > max_bytes / (narrow ? 4 : 8)) {
    return absl::ResourceExhaustedError(absl::StrCat(source.name(), ": ", header->elements, " elements need ",
                                                     header->elements * (narrow ? 4 : 8), " bytes: must be at most ",
                                                     max_bytes));
  }
  NpyArray array;
  array.shape = header->shape;
  array.values = Matrix(type, header->shape[0], header->elements / header->shape[0]);
  absl::Status status = array.values.Visit([&](auto& values) { return ReadElements(source, *header, values.data()); });
  if (!status.ok()) return status;
  if (status = source.ExpectEnd(); !status.ok()) return status;
  return array;
}

absl::StatusOr<Dataset> DatasetFromArrays(NpyArray train_features, NpyArray train_targets, NpyArray test_features,
                                          NpyArray test_targets, TargetKind targets, std::int64_t max_bytes) {
  if (absl::Status status = CheckRows(train_features, train_targets, "training"); !status.ok()) return status;
  if (absl::Status status = CheckRows(test_features, test_targets, "test"); !status.ok()) return status;
  const bool has_test = !test_features.shape.empty();
  if (has_test && !std::equal(train_features.shape.begin() + 1, train_features.shape.end(),
                              test_features.shape.begin() + 1, test_features.shape.end())) {
    return absl::InvalidArgumentError(absl::StrCat("test features have shape ", ShapeText(test_features),
                                                   " but training features ", ShapeText(train_features),
                                                   ": must agree but for the number of rows"));
  }
  Dataset dataset;
  if (train_features.shape.size() == 4) {
    dataset.description.image_shape =
        ImageShape{train_features.shape[1], train_features.shape[2], train_features.shape[3]};
  }
  dataset.train.features = std::move(train_features.values);
  dataset.test.features = std::move(test_features.values);
  if (targets == TargetKind::kClasses) {
    absl::Status status = SetWholeNumberClasses(train_targets, test_targets, max_bytes, &dataset);
    if (!status.ok()) return status;
  } else {
    dataset.train.targets = std::move(train_targets.values);
    dataset.test.targets = std::move(test_targets.values);
    dataset.description.task = Task::kRegression;
  }
  if (absl::Status status = ValidateDataset(dataset); !status.ok()) return status;
  return dataset;
}

absl::StatusOr<Dataset> ReadNpy(const NpyFiles& files, TargetKind targets, const ReadLimits& limits) {
  std::int64_t budget = limits.max_bytes;
  NpyArray arrays[4];
  const std::string* paths[4] = {&files.train_features, &files.train_targets, &files.test_features,
                                 &files.test_targets};
  for (int i = 0; i < 4; ++i) {
    if (i >= 2 && paths[i]->empty()) continue;
    absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(*paths[i]);
    if (!source.ok()) return source.status();
    absl::StatusOr<NpyArray> array = ReadNpyArray(**source, budget);
    if (!array.ok()) return array.status();
    budget -= array->values.bytes();
    arrays[i] = *std::move(array);
  }
  absl::StatusOr<Dataset> dataset = DatasetFromArrays(std::move(arrays[0]), std::move(arrays[1]), std::move(arrays[2]),
                                                      std::move(arrays[3]), targets, budget);
  const std::string name = BaseName(files.train_features);
  if (!dataset.ok()) {
    return absl::Status(dataset.status().code(), absl::StrCat(name, ": ", dataset.status().message()));
  }
  dataset->description.source = absl::StrCat("npy ", name);
  return dataset;
}

}  // namespace cvxnn::data
