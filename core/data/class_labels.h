// SPDX-License-Identifier: Apache-2.0
// Between class labels and targets: readers turn labels into one-hot columns, transforms and checks turn targets back
// into class numbers.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace cvxnn::data {

/// More classes than this in a file are taken for a mistake (a real-valued column read as class labels).
inline constexpr std::int64_t kMaxClasses = 10'000;

/// Longest label text of a file, in bytes.
inline constexpr std::size_t kMaxLabelBytes = 1024;

/// Numbers label texts as they are read, so that a row costs a number and not a string. Not thread-safe.
class LabelTexts {
 public:
  /// The number of `text`, from 0 in order of first appearance. INVALID_ARGUMENT for a text longer than kMaxLabelBytes
  /// and for more than kMaxClasses different ones.
  absl::StatusOr<std::int64_t> NumberOf(absl::string_view text);
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  absl::flat_hash_map<std::string, std::int64_t> numbers_;
  std::vector<std::string> texts_;
};

/// The class of every row, as an index into Description::class_names. kBinary: 0 for a target < 0, else 1.
/// kMulticlass: the column of the largest target. `task` must not be kRegression; it then gives all zeros.
std::vector<std::int64_t> ClassOfRows(Task task, const Matrix& targets);

/// Rows per class of `classes`, for classes 0..class_count-1.
std::vector<std::int64_t> CountClasses(const std::vector<std::int64_t>& classes, std::int64_t class_count);

/// n×class_count targets: 1 in the row's class, 0 elsewhere.
Matrix OneHot(const std::vector<std::int64_t>& classes, std::int64_t class_count, ElementType type);

/// n×1 targets: -1 for class 0, +1 for class 1.
Matrix PlusMinusOne(const std::vector<std::int64_t>& classes, ElementType type);

/// Makes `dataset` a multiclass one from label numbers (indices into `names`). Only classes that occur in the training
/// labels become columns, in the order of `names`. Targets take the type of the features.
/// INVALID_ARGUMENT when fewer than two classes or more than kMaxClasses occur, or when a test label does not occur in
/// training; RESOURCE_EXHAUSTED when the one-hot targets would need more than `max_bytes`.
absl::Status SetClassTargets(const std::vector<std::int64_t>& train_labels,
                             const std::vector<std::int64_t>& test_labels, const std::vector<std::string>& names,
                             std::int64_t max_bytes, Dataset* dataset);

/// The same from labels that are indices into `texts`, which differ. Class names are the texts, sorted; when every text
/// is a number they are sorted by value and written in their shortest form ("1.0" and "1" are the same class).
absl::Status SetClassTargetsFromText(const std::vector<std::int64_t>& train_labels,
                                     const std::vector<std::int64_t>& test_labels,
                                     const std::vector<std::string>& texts, std::int64_t max_bytes, Dataset* dataset);

}  // namespace cvxnn::data
