// SPDX-License-Identifier: Apache-2.0
// Reads tables of numbers from delimiter-separated text (RFC 4180: quoted fields, doubled quotes, LF or CRLF).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

/// What the label column(s) hold.
enum class TargetKind {
  kClasses,  ///< class labels: numbers or text; the data set becomes multiclass
  kValues,   ///< real values: regression
};

struct CsvOptions {
  bool has_header = true;  ///< the first line names the columns
  char delimiter = ',';    ///< any character but quote, line end, and those of numbers
  /// Each a column name or a 0-based column number (a name wins over a number; "-1" is the last column). Empty: the
  /// last column. One column for kClasses, one or more for kValues.
  std::vector<std::string> label_columns;
  TargetKind targets = TargetKind::kClasses;
  ReadLimits limits;
};

/// Reads `train_path` and, unless empty, `test_path`, which must have the same columns. Features are float64, n×d, in
/// file order without the label columns; feature_names come from the header.
/// Errors: NOT_FOUND for a missing file; INVALID_ARGUMENT for a ragged row (line, fields found and expected), an empty,
/// non-numeric or non-finite field (line and column), an unknown label column (lists the columns), an unclosed quote,
/// no rows, a record or label over the limits of csv_parser.h and class_labels.h, more than kMaxClasses labels (found
/// as soon as read); RESOURCE_EXHAUSTED above limits.max_bytes. Line numbers count from 1.
absl::StatusOr<Dataset> ReadCsv(const std::string& train_path, const std::string& test_path, const CsvOptions& options);

}  // namespace cvxnn::data
