// SPDX-License-Identifier: Apache-2.0
// Between class labels and targets; see class_labels.h.
#include "core/data/class_labels.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cvxnn::data {
namespace {

// Shortest text that reads back as the same number; whole numbers without exponent: "10" for 1.0e1.
std::string ShortestNumber(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return absl::StrFormat("%.0f", value);
  for (int digits = 1; digits < 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, value);
    double parsed = 0;
    if (absl::SimpleAtod(text, &parsed) && parsed == value) return text;
  }
  return absl::StrFormat("%.17g", value);
}

absl::Status TooManyClasses(std::size_t count) {
  return absl::InvalidArgumentError(absl::StrCat("labels: more than ", kMaxClasses, " different classes (", count,
                                                 "); for real-valued targets read them as values"));
}

}  // namespace

absl::StatusOr<std::int64_t> LabelTexts::NumberOf(absl::string_view text) {
  if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
  if (text.size() > kMaxLabelBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a label of ", text.size(), " bytes: must be at most ", kMaxLabelBytes));
  }
  const auto number = static_cast<std::int64_t>(texts_.size());
  if (number == kMaxClasses) return TooManyClasses(texts_.size() + 1);
  numbers_.emplace(text, number);
  texts_.emplace_back(text);
  return number;
}

std::vector<std::int64_t> ClassOfRows(Task task, const Matrix& targets) {
  std::vector<std::int64_t> classes(static_cast<std::size_t>(targets.rows()), 0);
  if (task == Task::kRegression || targets.cols() == 0) return classes;
  targets.Visit([&](const auto& y) {
    for (Eigen::Index row = 0; row < y.rows(); ++row) {
      Eigen::Index column = 0;
      if (task == Task::kBinary) {
        column = y(row, 0) < 0 ? 0 : 1;
      } else {
        y.row(row).maxCoeff(&column);
      }
      classes[static_cast<std::size_t>(row)] = column;
    }
  });
  return classes;
}

std::vector<std::int64_t> CountClasses(const std::vector<std::int64_t>& classes, std::int64_t class_count) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(class_count), 0);
  for (const std::int64_t label : classes) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

Matrix OneHot(const std::vector<std::int64_t>& classes, std::int64_t class_count, ElementType type) {
  Matrix targets(type, static_cast<std::int64_t>(classes.size()), class_count);
  targets.Visit([&](auto& y) {
    for (std::size_t row = 0; row < classes.size(); ++row) y(static_cast<Eigen::Index>(row), classes[row]) = 1;
  });
  return targets;
}

Matrix PlusMinusOne(const std::vector<std::int64_t>& classes, ElementType type) {
  Matrix targets(type, static_cast<std::int64_t>(classes.size()), 1);
  targets.Visit([&](auto& y) {
    for (std::size_t row = 0; row < classes.size(); ++row) {
      y(static_cast<Eigen::Index>(row), 0) = static_cast<decltype(+y(0, 0))>(classes[row] == 0 ? -1 : 1);
    }
  });
  return targets;
}

absl::Status SetClassTargets(const std::vector<std::int64_t>& train_labels,
                             const std::vector<std::int64_t>& test_labels, const std::vector<std::string>& names,
                             std::int64_t max_bytes, Dataset* dataset) {
  std::vector<std::int64_t> column_of(names.size(), -1);
  for (const std::int64_t label : train_labels) column_of[static_cast<std::size_t>(label)] = 0;
  std::vector<std::string> present;
  for (std::size_t label = 0; label < names.size(); ++label) {
    if (column_of[label] < 0) continue;
    column_of[label] = static_cast<std::int64_t>(present.size());
    present.push_back(names[label]);
  }
  const auto class_count = static_cast<std::int64_t>(present.size());
  if (class_count < 2) {
    return absl::InvalidArgumentError(absl::StrCat("labels: every training row has class \"",
                                                   present.empty() ? "" : present[0],
                                                   "\": at least two classes must occur"));
  }
  if (class_count > kMaxClasses) return TooManyClasses(present.size());
  const ElementType type = dataset->train.features.type();
  const double rows = static_cast<double>(train_labels.size()) + static_cast<double>(test_labels.size());
  const double needed = rows * static_cast<double>(class_count) * (type == ElementType::kFloat32 ? 4 : 8);
  if (needed > static_cast<double>(max_bytes)) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "labels: one-hot targets of %d classes need %.0f bytes: must be at most %d", class_count, needed, max_bytes));
  }
  const auto columns = [&](const std::vector<std::int64_t>& labels) {
    std::vector<std::int64_t> result;
    result.reserve(labels.size());
    for (const std::int64_t label : labels) result.push_back(column_of[static_cast<std::size_t>(label)]);
    return result;
  };
  const std::vector<std::int64_t> test_columns = columns(test_labels);
  for (std::size_t row = 0; row < test_columns.size(); ++row) {
    if (test_columns[row] < 0) {
      return absl::InvalidArgumentError(absl::StrCat("labels: class \"",
                                                     names[static_cast<std::size_t>(test_labels[row])],
                                                     "\" of test row ", row, " does not occur in the training part"));
    }
  }
  dataset->train.targets = OneHot(columns(train_labels), class_count, type);
  dataset->test.targets = OneHot(test_columns, class_count, type);
  dataset->description.task = Task::kMulticlass;
  dataset->description.class_names = std::move(present);
  return absl::OkStatus();
}

absl::Status SetClassTargetsFromText(const std::vector<std::int64_t>& train_labels,
                                     const std::vector<std::int64_t>& test_labels,
                                     const std::vector<std::string>& texts, std::int64_t max_bytes, Dataset* dataset) {
  std::vector<double> values(texts.size(), 0);
  bool numeric = true;
  for (std::size_t i = 0; i < texts.size() && numeric; ++i) {
    numeric = absl::SimpleAtod(texts[i], &values[i]) && std::isfinite(values[i]);
    values[i] += 0.0;  // -0 becomes 0
  }
  // Each text by its value, if all of them are numbers, and its name.
  std::vector<std::pair<double, std::string>> classes;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    classes.emplace_back(numeric ? values[i] : 0.0, numeric ? ShortestNumber(values[i]) : texts[i]);
  }
  std::vector<std::pair<double, std::string>> order = classes;
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  std::vector<std::string> names;
  names.reserve(order.size());
  for (const auto& [value, name] : order) names.push_back(name);
  std::vector<std::int64_t> class_of;
  class_of.reserve(classes.size());
  for (const auto& one : classes) {
    class_of.push_back(std::lower_bound(order.begin(), order.end(), one) - order.begin());
  }
  const auto look_up = [&](const std::vector<std::int64_t>& labels) {
    std::vector<std::int64_t> result;
    result.reserve(labels.size());
    for (const std::int64_t label : labels) result.push_back(class_of[static_cast<std::size_t>(label)]);
    return result;
  };
  return SetClassTargets(look_up(train_labels), look_up(test_labels), names, max_bytes, dataset);
}

}  // namespace cvxnn::data
