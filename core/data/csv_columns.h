// SPDX-License-Identifier: Apache-2.0
// Which column of a table is what: names from the header, label columns found by name or number.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/csv_reader.h"

namespace cvxnn::data {

struct CsvColumns {
  std::int64_t count = 0;
  std::vector<std::string> names;      ///< from the header; empty without one
  std::vector<std::int64_t> labels;    ///< column numbers, in the order asked for
  std::vector<std::int64_t> features;  ///< the other columns, ascending

  /// `column "age"`, or `column 3` without a header.
  std::string Describe(std::int64_t column) const;
};

/// `first_record` is the header or the first row. INVALID_ARGUMENT for an unknown or ambiguous label column (lists the
/// columns), one named twice, several of them for classes, and when no feature column is left.
absl::StatusOr<CsvColumns> PlanCsvColumns(const std::vector<std::string>& first_record, const CsvOptions& options);

}  // namespace cvxnn::data
