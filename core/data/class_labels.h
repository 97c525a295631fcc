// SPDX-License-Identifier: Apache-2.0
// Between class labels and targets: readers turn labels into one-hot columns, transforms and checks turn targets back
// into class numbers.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace cvxnn::data {

/// More classes than this in a file are taken for a mistake (a real-valued column read as class labels).
inline constexpr std::int64_t kMaxClasses = 10'000;

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

/// The same from label texts. Class names are the texts, sorted; when every text is a number they are sorted by value
/// and written in their shortest form ("1.0" and "1" are the same class).
absl::Status SetClassTargetsFromText(const std::vector<std::string>& train_labels,
                                     const std::vector<std::string>& test_labels, std::int64_t max_bytes,
                                     Dataset* dataset);

}  // namespace cvxnn::data
