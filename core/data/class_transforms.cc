// SPDX-License-Identifier: Apache-2.0
// Choosing and relabelling rows; see class_transforms.h.
#include "core/data/class_transforms.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/data/class_labels.h"
#include "core/data/field_check.h"
#include "core/data/random.h"

namespace cvxnn::data {
namespace {

using Rows = std::vector<std::int64_t>;

Matrix KeepRows(const Matrix& matrix, const Rows& rows) {
  return matrix.Visit([&](const auto& values) {
    std::decay_t<decltype(values)> kept(static_cast<Eigen::Index>(rows.size()), values.cols());
    for (std::size_t i = 0; i < rows.size(); ++i) kept.row(static_cast<Eigen::Index>(i)) = values.row(rows[i]);
    return Matrix(std::move(kept));
  });
}

Part KeepRows(const Part& part, const Rows& rows) {
  return {KeepRows(part.features, rows), KeepRows(part.targets, rows)};
}

// The rows of each class, ascending. Regression counts as one class.
std::vector<Rows> RowsByClass(const Description& description, const Matrix& targets) {
  const std::size_t class_count = description.task == Task::kRegression ? 1 : description.class_names.size();
  std::vector<Rows> rows(class_count);
  const std::vector<std::int64_t> classes = ClassOfRows(description.task, targets);
  for (std::size_t row = 0; row < classes.size(); ++row) {
    rows[static_cast<std::size_t>(classes[row])].push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

absl::Status NeedClasses(const Description& description) {
  if (description.task != Task::kRegression) return absl::OkStatus();
  return absl::InvalidArgumentError("the targets are real values: must be a data set with classes");
}

std::string Quoted(const std::vector<std::string>& names) {
  return absl::StrCat("\"", absl::StrJoin(names, "\", \""), "\"");
}

// Where each present class goes: its place among the wanted ones, or -1.
absl::StatusOr<std::vector<std::int64_t>> MapClasses(const std::vector<std::string>& wanted,
                                                     const std::vector<std::string>& present) {
  std::vector<std::int64_t> place(present.size(), -1);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto found = std::find(present.begin(), present.end(), wanted[i]);
    if (found == present.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("classes[", i, "] = \"", wanted[i], "\": must be one of ", Quoted(present)));
    }
    std::int64_t& slot = place[static_cast<std::size_t>(found - present.begin())];
    if (slot >= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("classes[", i, "] = \"", wanted[i], "\": must be listed once only"));
    }
    slot = static_cast<std::int64_t>(i);
  }
  return place;
}

void SelectInPart(const std::vector<std::int64_t>& place, const SelectClasses& spec, std::int64_t class_count,
                  Task task, Part* part) {
  Rows rows;
  std::vector<std::int64_t> labels;
  const std::vector<std::int64_t> classes = ClassOfRows(task, part->targets);
  for (std::size_t row = 0; row < classes.size(); ++row) {
    const std::int64_t label = place[static_cast<std::size_t>(classes[row])];
    if (label < 0) continue;
    rows.push_back(static_cast<std::int64_t>(row));
    labels.push_back(label);
  }
  if (static_cast<std::int64_t>(rows.size()) < part->rows()) part->features = KeepRows(part->features, rows);
  const ElementType type = part->targets.type();
  part->targets =
      spec.encoding == LabelEncoding::kPlusMinusOne ? PlusMinusOne(labels, type) : OneHot(labels, class_count, type);
}

}  // namespace

absl::Status Apply(const SelectClasses& spec, Dataset* dataset) {
  Description& description = dataset->description;
  if (absl::Status status = NeedClasses(description); !status.ok()) return status;
  const std::vector<std::string> wanted = spec.classes.empty() ? description.class_names : spec.classes;
  const auto place = MapClasses(wanted, description.class_names);
  if (!place.ok()) return place.status();
  const auto class_count = static_cast<std::int64_t>(wanted.size());
  if (spec.encoding == LabelEncoding::kPlusMinusOne && class_count != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("classes: ", class_count, " chosen: must be exactly 2 for labels of -1 and +1"));
  }
  if (class_count < 2) return absl::InvalidArgumentError("classes: 1 chosen: must be at least 2");
  SelectInPart(*place, spec, class_count, description.task, &dataset->train);
  SelectInPart(*place, spec, class_count, description.task, &dataset->test);
  description.task = spec.encoding == LabelEncoding::kPlusMinusOne ? Task::kBinary : Task::kMulticlass;
  description.class_names = wanted;
  return absl::OkStatus();
}

absl::Status Apply(const SubsetPerClass& spec, Dataset* dataset) {
  if (absl::Status status = NeedClasses(dataset->description); !status.ok()) return status;
  if (absl::Status status = CheckAtLeast("rows_per_class", spec.rows_per_class, std::int64_t{1}); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckAtLeast("test_rows_per_class", spec.test_rows_per_class, std::int64_t{0});
      !status.ok()) {
    return status;
  }
  RandomStream random = StreamOf(spec.seed, StreamPurpose::kSubsetRows);
  const auto draw = [&](std::int64_t limit, Part* part) {
    Rows kept;
    for (const Rows& rows : RowsByClass(dataset->description, part->targets)) {
      const auto population = static_cast<std::int64_t>(rows.size());
      for (const std::int64_t i : random.SampleSorted(population, std::min(limit, population))) {
        kept.push_back(rows[static_cast<std::size_t>(i)]);
      }
    }
    std::sort(kept.begin(), kept.end());
    *part = KeepRows(*part, kept);
  };
  draw(spec.rows_per_class, &dataset->train);
  if (spec.test_rows_per_class > 0) draw(spec.test_rows_per_class, &dataset->test);
  return absl::OkStatus();
}

absl::Status Apply(const TrainTestSplit& spec, Dataset* dataset) {
  if (!(spec.test_fraction > 0 && spec.test_fraction < 1)) {
    return FieldError("test_fraction", spec.test_fraction, "in (0, 1)");
  }
  if (dataset->test.rows() > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the data set already has a test part of ", dataset->test.rows(), " rows: must have none"));
  }
  const std::vector<Rows> by_class = RowsByClass(dataset->description, dataset->train.targets);
  RandomStream random = StreamOf(spec.seed, StreamPurpose::kSplitRows);
  std::vector<bool> to_test(static_cast<std::size_t>(dataset->train.rows()), false);
  for (std::size_t label = 0; label < by_class.size(); ++label) {
    const auto population = static_cast<std::int64_t>(by_class[label].size());
    if (population < 2) {
      const std::string whose = dataset->description.task == Task::kRegression
                                    ? "the training part"
                                    : absl::StrCat("class \"", dataset->description.class_names[label], "\"");
      return absl::InvalidArgumentError(
          absl::StrCat(whose, " has ", population, " row: must have at least 2 to keep one on each side of the split"));
    }
    const auto wanted = std::llround(spec.test_fraction * static_cast<double>(population));
    const std::int64_t count = std::clamp<std::int64_t>(wanted, 1, population - 1);
    for (const std::int64_t i : random.SampleSorted(population, count)) {
      to_test[static_cast<std::size_t>(by_class[label][static_cast<std::size_t>(i)])] = true;
    }
  }
  Rows train;
  Rows test;
  for (std::size_t row = 0; row < to_test.size(); ++row) {
    (to_test[row] ? test : train).push_back(static_cast<std::int64_t>(row));
  }
  dataset->test = KeepRows(dataset->train, test);
  dataset->train = KeepRows(dataset->train, train);
  return absl::OkStatus();
}

}  // namespace cvxnn::data
