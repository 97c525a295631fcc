// SPDX-License-Identifier: Apache-2.0
// The IDX format of MNIST; see idx_reader.h.
#include "core/data/idx_reader.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/data/byte_source.h"
#include "core/data/class_labels.h"

namespace cvxnn::data {
namespace {

constexpr std::uint32_t kUnsignedBytes = 0x0800;

struct IdxArray {
  std::unique_ptr<ByteSource> source;  // at the first element
  std::vector<std::int64_t> shape;
  std::int64_t elements = 1;
};

absl::StatusOr<std::uint32_t> ReadBigEndian(ByteSource& source) {
  std::array<unsigned char, 4> bytes{};
  if (absl::Status status = source.ReadExactly(bytes.data(), bytes.size()); !status.ok()) return status;
  return (static_cast<std::uint32_t>(bytes[0]) << 24) | (static_cast<std::uint32_t>(bytes[1]) << 16) |
         (static_cast<std::uint32_t>(bytes[2]) << 8) | bytes[3];
}

// Opens a file of unsigned bytes and checks its header against the file's size.
absl::StatusOr<IdxArray> OpenIdx(const std::string& path, std::uint32_t least_dimensions,
                                 std::uint32_t most_dimensions) {
  absl::StatusOr<std::unique_ptr<ByteSource>> opened = OpenFile(path);
  if (!opened.ok()) return opened.status();
  IdxArray array;
  array.source = *std::move(opened);
  const absl::StatusOr<std::uint32_t> magic = ReadBigEndian(*array.source);
  if (!magic.ok()) return magic.status();
  const std::uint32_t dimensions = *magic & 0xFFU;
  if ((*magic & ~0xFFU) != kUnsignedBytes || dimensions < least_dimensions || dimensions > most_dimensions) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: IDX magic 0x%08x: must be %s", array.source->name(), *magic,
                        most_dimensions == 1 ? "0x00000801 (unsigned bytes, 1 dimension: labels)"
                                             : "0x00000803 or 0x00000804 (unsigned bytes, 3 or 4 dimensions: images)"));
  }
  for (std::uint32_t k = 0; k < dimensions; ++k) {
    const absl::StatusOr<std::uint32_t> size = ReadBigEndian(*array.source);
    if (!size.ok()) return size.status();
    if (*size == 0) {
      return absl::InvalidArgumentError(absl::StrCat(array.source->name(), ": dimension ", k, " is 0: must be >= 1"));
    }
    array.shape.push_back(*size);
    // Never above max_size before the multiplication by less than 2^32, and max_size is far below 2^31 times that.
    if (array.elements > array.source->max_size() / static_cast<std::int64_t>(*size)) {
      return absl::InvalidArgumentError(absl::StrCat(array.source->name(),
                                                     ": truncated: its header promises more than the at most ",
                                                     array.source->max_size(), " bytes of the file"));
    }
    array.elements *= *size;
  }
  return array;
}

absl::Status ReadPart(const std::string& images_path, const std::string& labels_path, std::int64_t* budget, Part* part,
                      std::vector<std::int64_t>* labels, ImageShape* image) {
  absl::StatusOr<IdxArray> images = OpenIdx(images_path, 3, 4);
  if (!images.ok()) return images.status();
  absl::StatusOr<IdxArray> classes = OpenIdx(labels_path, 1, 1);
  if (!classes.ok()) return classes.status();
  const std::int64_t rows = images->shape[0];
  if (classes->shape[0] != rows) {
    return absl::InvalidArgumentError(absl::StrCat(images->source->name(), " has ", rows, " images but ",
                                                   classes->source->name(), " has ", classes->shape[0],
                                                   " labels: must be equal"));
  }
  if (images->elements > *budget / 4) {
    return absl::ResourceExhaustedError(absl::StrCat(images->source->name(), ": ", images->elements,
                                                     " pixels need 4 bytes each: must be at most ", *budget, " bytes"));
  }
  *budget -= images->elements * 4;
  const std::size_t d = images->shape.size();
  *image = ImageShape{d == 4 ? images->shape[1] : 1, images->shape[d - 2], images->shape[d - 1]};

  RowMajor<float> pixels(rows, images->elements / rows);
  std::vector<unsigned char> row(static_cast<std::size_t>(pixels.cols()));
  for (std::int64_t i = 0; i < rows; ++i) {
    if (absl::Status status = images->source->ReadExactly(row.data(), row.size()); !status.ok()) return status;
    std::copy(row.begin(), row.end(), pixels.data() + i * pixels.cols());
  }
  if (absl::Status status = images->source->ExpectEnd(); !status.ok()) return status;
  part->features = Matrix(std::move(pixels));

  std::vector<unsigned char> bytes(static_cast<std::size_t>(rows));
  if (absl::Status status = classes->source->ReadExactly(bytes.data(), bytes.size()); !status.ok()) return status;
  if (absl::Status status = classes->source->ExpectEnd(); !status.ok()) return status;
  labels->assign(bytes.begin(), bytes.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<IdxFiles> FindIdxFiles(const std::string& folder) {
  const auto find = [&](const std::string& name) {
    for (const char* ending : {"", ".gz"}) {
      const std::filesystem::path path = std::filesystem::path(folder) / absl::StrCat(name, ending);
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return path.string();
    }
    return std::string();
  };
  IdxFiles files{find("train-images-idx3-ubyte"), find("train-labels-idx1-ubyte"), find("t10k-images-idx3-ubyte"),
                 find("t10k-labels-idx1-ubyte")};
  if (files.train_images.empty() || files.train_labels.empty()) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": must have train-images-idx3-ubyte and train-labels-idx1-ubyte, each may end in .gz"));
  }
  return files;
}

absl::StatusOr<Dataset> ReadIdx(const IdxFiles& files, const ReadLimits& limits) {
  if (files.test_images.empty() != files.test_labels.empty()) {
    return absl::InvalidArgumentError("test_images and test_labels: must be given together");
  }
  std::int64_t budget = limits.max_bytes;
  Dataset dataset;
  std::vector<std::int64_t> train_labels;
  std::vector<std::int64_t> test_labels;
  ImageShape train_image;
  absl::Status status =
      ReadPart(files.train_images, files.train_labels, &budget, &dataset.train, &train_labels, &train_image);
  if (status.ok() && !files.test_images.empty()) {
    ImageShape test_image;
    status = ReadPart(files.test_images, files.test_labels, &budget, &dataset.test, &test_labels, &test_image);
    if (status.ok() && (test_image.channels != train_image.channels || test_image.height != train_image.height ||
                        test_image.width != train_image.width)) {
      status =
          absl::InvalidArgumentError(absl::StrCat(BaseName(files.test_images), " and ", BaseName(files.train_images),
                                                  " have images of different size: must be equal"));
    }
  }
  if (!status.ok()) return status;
  std::vector<std::string> names;
  names.reserve(256);
  for (int label = 0; label < 256; ++label) names.push_back(absl::StrCat(label));
  if (status = SetClassTargets(train_labels, test_labels, names, budget, &dataset); !status.ok()) return status;
  dataset.description.image_shape = train_image;
  dataset.description.source = absl::StrCat("idx ", BaseName(files.train_images));
  return dataset;
}

}  // namespace cvxnn::data
