// SPDX-License-Identifier: Apache-2.0
// Columns of a table; see csv_columns.h.
#include "core/data/csv_columns.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "core/data/utf8.h"

namespace cvxnn::data {
namespace {

constexpr std::size_t kMostNamesListed = 50;

std::string ListColumns(const CsvColumns& columns) {
  std::string list = absl::StrCat("a column number in [0, ", columns.count - 1, "]");
  if (columns.names.empty()) return list;
  const std::size_t shown = std::min(columns.names.size(), kMostNamesListed);
  absl::StrAppend(
      &list, " or one of \"",
      absl::StrJoin(columns.names.begin(), columns.names.begin() + static_cast<std::ptrdiff_t>(shown), "\", \""), "\"");
  if (shown < columns.names.size()) absl::StrAppend(&list, " and ", columns.names.size() - shown, " more");
  return list;
}

absl::StatusOr<std::int64_t> FindColumn(const CsvColumns& columns, const std::string& wanted,
                                        const std::string& field) {
  const auto found = std::find(columns.names.begin(), columns.names.end(), wanted);
  if (found != columns.names.end()) {
    if (std::find(found + 1, columns.names.end(), wanted) != columns.names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " = \"", wanted, "\": several columns have this name: must be given by number"));
    }
    return found - columns.names.begin();
  }
  std::int64_t number = 0;
  if (absl::SimpleAtoi(wanted, &number)) {
    if (number == -1) number = columns.count - 1;
    if (number >= 0 && number < columns.count) return number;
  }
  return absl::InvalidArgumentError(absl::StrCat(field, " = \"", wanted, "\": must be ", ListColumns(columns)));
}

}  // namespace

std::string CsvColumns::Describe(std::int64_t column) const {
  if (names.empty()) return absl::StrCat("column ", column);
  return absl::StrCat("column \"", names[static_cast<std::size_t>(column)], "\"");
}

absl::StatusOr<CsvColumns> PlanCsvColumns(const std::vector<std::string>& first_record, const CsvOptions& options) {
  CsvColumns columns;
  columns.count = static_cast<std::int64_t>(first_record.size());
  if (options.has_header) {
    for (const std::string& name : first_record) {
      if (!IsValidUtf8(name)) {
        return absl::InvalidArgumentError(
            absl::StrCat("line 1: the name of column ", columns.names.size(), " is not UTF-8 text"));
      }
      columns.names.emplace_back(absl::StripAsciiWhitespace(name));
    }
  }
  std::vector<std::string> wanted = options.label_columns;
  if (wanted.empty()) wanted.push_back(absl::StrCat(columns.count - 1));
  if (options.targets == TargetKind::kClasses && wanted.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("label_columns: ", wanted.size(), " given: must be exactly 1 for class labels"));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string field = absl::StrCat("label_columns[", i, "]");
    // The default is a number and must not be mistaken for a column of that name.
    const absl::StatusOr<std::int64_t> column =
        options.label_columns.empty() ? columns.count - 1 : FindColumn(columns, wanted[i], field);
    if (!column.ok()) return column.status();
    if (std::find(columns.labels.begin(), columns.labels.end(), *column) != columns.labels.end()) {
      return absl::InvalidArgumentError(absl::StrCat(field, " = \"", wanted[i], "\": must be given once only"));
    }
    columns.labels.push_back(*column);
  }
  for (std::int64_t column = 0; column < columns.count; ++column) {
    if (std::find(columns.labels.begin(), columns.labels.end(), column) == columns.labels.end()) {
      columns.features.push_back(column);
    }
  }
  if (columns.features.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no feature column is left beside ", columns.labels.size(),
                                                   " label column(s); is the delimiter right?"));
  }
  return columns;
}

}  // namespace cvxnn::data
