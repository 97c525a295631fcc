// SPDX-License-Identifier: Apache-2.0
// CIFAR-10's binary version; see cifar10_reader.h.
#include "core/data/cifar10_reader.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/data/byte_source.h"
#include "core/data/class_labels.h"
#include "core/data/utf8.h"

namespace cvxnn::data {
namespace {

constexpr std::int64_t kPixels = std::int64_t{3} * 32 * 32;
constexpr std::int64_t kRecordBytes = 1 + kPixels;
constexpr std::int64_t kClasses = 10;

struct Files {
  std::vector<std::string> train;
  std::vector<std::string> test;
  std::vector<std::string> class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};
};

absl::StatusOr<std::vector<std::string>> ReadClassNames(const std::string& path) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (!source.ok()) return source.status();
  std::string text(4096, '\0');
  const absl::StatusOr<std::size_t> size = (*source)->Read(text.data(), text.size());
  if (!size.ok()) return size.status();
  text.resize(*size);
  std::vector<std::string> names;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) names.emplace_back(line);
  }
  const bool distinct = [sorted = names]() mutable {
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  }();
  if (static_cast<std::int64_t>(names.size()) != kClasses || !distinct || !IsValidUtf8(text)) {
    return absl::InvalidArgumentError(absl::StrCat(BaseName(path), ": has ", names.size(), " class names: must be ",
                                                   kClasses, " different ones, one a line"));
  }
  return names;
}

// data_batch_7.bin -> 7; 0 for other names.
std::int64_t BatchNumber(const std::string& name) {
  absl::string_view rest = name;
  std::int64_t number = 0;
  const bool matches = absl::StartsWith(rest, "data_batch_") && absl::EndsWith(rest, ".bin") && rest.size() > 15 &&
                       absl::SimpleAtoi(rest.substr(11, rest.size() - 15), &number);
  return matches ? number : 0;
}

absl::StatusOr<Files> FilesOfFolder(const std::string& folder) {
  namespace fs = std::filesystem;
  Files files;
  std::vector<std::pair<std::int64_t, std::string>> batches;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::int64_t number = BatchNumber(entry->path().filename().string());
    if (number > 0) batches.emplace_back(number, entry->path().string());
  }
  if (error) return CannotOpen(folder, error.value());
  std::sort(batches.begin(), batches.end());
  for (const auto& [number, path] : batches) files.train.push_back(path);
  const auto path_if_there = [&](const std::string& name) {
    const fs::path path = fs::path(folder) / name;
    std::error_code ignored;
    return fs::exists(path, ignored) ? path.string() : std::string();
  };
  if (files.train.empty()) {
    if (const std::string path = path_if_there("train.bin"); !path.empty()) files.train.push_back(path);
  }
  if (files.train.empty()) {
    return absl::NotFoundError(absl::StrCat(folder, ": has neither data_batch_*.bin nor train.bin"));
  }
  for (const char* name : {"test_batch.bin", "test.bin"}) {
    const std::string path = path_if_there(name);
    if (path.empty()) continue;
    files.test.push_back(path);
    break;
  }
  if (const std::string path = path_if_there("batches.meta.txt"); !path.empty()) {
    absl::StatusOr<std::vector<std::string>> names = ReadClassNames(path);
    if (!names.ok()) return names.status();
    files.class_names = *std::move(names);
  }
  return files;
}

// Records of each file, from its size.
absl::StatusOr<std::vector<std::int64_t>> CountRecords(const std::vector<std::string>& paths) {
  std::vector<std::int64_t> counts;
  for (const std::string& path : paths) {
    if (absl::Status status = OpenFile(path).status(); !status.ok()) return status;
    std::error_code error;
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    if (error) return CannotOpen(path, error.value());
    if (size == 0 || size % kRecordBytes != 0) {
      return absl::InvalidArgumentError(absl::StrCat(BaseName(path), ": has ", size,
                                                     " bytes: must be a positive multiple of ", kRecordBytes,
                                                     ", the size of a CIFAR-10 record (and not compressed)"));
    }
    counts.push_back(size / kRecordBytes);
  }
  return counts;
}

absl::Status ReadRecords(const std::string& path, std::int64_t records, RowMajor<float>* pixels, std::int64_t* row,
                         std::vector<std::int64_t>* labels) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (!source.ok()) return source.status();
  std::vector<unsigned char> record(kRecordBytes);
  for (std::int64_t i = 0; i < records; ++i) {
    if (absl::Status status = (*source)->ReadExactly(record.data(), record.size()); !status.ok()) return status;
    if (record[0] >= kClasses) {
      return absl::InvalidArgumentError(absl::StrCat(BaseName(path), ": record ", i, " has label ", record[0],
                                                     ": must be in [0, ", kClasses - 1, "]"));
    }
    labels->push_back(record[0]);
    std::copy(record.begin() + 1, record.end(), pixels->data() + (*row)++ * kPixels);
  }
  return (*source)->ExpectEnd();
}

absl::Status ReadPart(const std::vector<std::string>& paths, const std::vector<std::int64_t>& counts, Part* part,
                      std::vector<std::int64_t>* labels) {
  std::int64_t rows = 0;
  for (const std::int64_t count : counts) rows += count;
  RowMajor<float> pixels(rows, kPixels);
  std::int64_t row = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (absl::Status status = ReadRecords(paths[i], counts[i], &pixels, &row, labels); !status.ok()) return status;
  }
  part->features = Matrix(std::move(pixels));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> ReadCifar10(const std::vector<std::string>& train_paths,
                                    const std::vector<std::string>& test_paths, const ReadLimits& limits) {
  Files files;
  files.train = train_paths;
  files.test = test_paths;
  std::error_code ignored;
  if (train_paths.size() == 1 && std::filesystem::is_directory(train_paths[0], ignored)) {
    if (!test_paths.empty()) return absl::InvalidArgumentError("test_paths: must be empty when a folder is given");
    absl::StatusOr<Files> found = FilesOfFolder(train_paths[0]);
    if (!found.ok()) return found.status();
    files = *std::move(found);
  }
  if (files.train.empty()) return absl::InvalidArgumentError("train_paths: must name a folder or at least one file");
  const absl::StatusOr<std::vector<std::int64_t>> train_counts = CountRecords(files.train);
  if (!train_counts.ok()) return train_counts.status();
  const absl::StatusOr<std::vector<std::int64_t>> test_counts = CountRecords(files.test);
  if (!test_counts.ok()) return test_counts.status();
  std::int64_t records = 0;
  for (const auto* counts : {&*train_counts, &*test_counts}) {
    for (const std::int64_t count : *counts) records += count;
  }
  // Pixels and at most ten target columns, all float32. File sizes bound the number of records.
  const std::int64_t needed = records * (kPixels + kClasses) * 4;
  if (needed > limits.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("CIFAR-10: ", records, " records need ", needed, " bytes: must be at most ", limits.max_bytes));
  }
  Dataset dataset;
  std::vector<std::int64_t> train_labels;
  std::vector<std::int64_t> test_labels;
  absl::Status status = ReadPart(files.train, *train_counts, &dataset.train, &train_labels);
  if (status.ok()) status = ReadPart(files.test, *test_counts, &dataset.test, &test_labels);
  if (status.ok()) {
    status = SetClassTargets(train_labels, test_labels, files.class_names, limits.max_bytes, &dataset);
  }
  if (!status.ok()) return status;
  dataset.description.image_shape = ImageShape{3, 32, 32};
  dataset.description.source = absl::StrCat("cifar10 ", BaseName(train_paths[0]));
  return dataset;
}

}  // namespace cvxnn::data
