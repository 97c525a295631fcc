// SPDX-License-Identifier: Apache-2.0
// Tables of numbers; see csv_reader.h. csv_parser.h splits the text, csv_columns.h says which column is what.
#include "core/data/csv_reader.h"

#include <absl/strings/ascii.h>
#include <absl/strings/charconv.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/data/class_labels.h"
#include "core/data/csv_columns.h"
#include "core/data/csv_parser.h"
#include "core/data/utf8.h"

namespace cvxnn::data {
namespace {

// What one file gives: features, and targets as numbers or as texts.
struct Table {
  RowMajor<double> features;
  RowMajor<double> values;
  std::vector<std::int64_t> labels;  // indices into the label texts
};

// Parses a finite number; otherwise says what is wrong with the field.
std::optional<std::string> ParseNumber(const std::string& field, double* value) {
  absl::string_view text = absl::StripAsciiWhitespace(field);
  if (text.empty()) return "is empty: must be a number";
  const auto fault = [shown = text.substr(0, 40)](const char* must_be) {
    return absl::StrCat("= \"", absl::CEscape(shown), "\": must be ", must_be);
  };
  if (text.front() == '+' && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  const absl::from_chars_result result = absl::from_chars(text.data(), text.data() + text.size(), *value);
  if (result.ec == std::errc::invalid_argument || result.ptr != text.data() + text.size()) {
    return fault("a number");
  }
  // Out of range with a small result is underflow, which may round.
  const bool overflow = result.ec == std::errc::result_out_of_range && std::abs(*value) > 1;
  if (overflow || !std::isfinite(*value)) return fault("finite");
  return std::nullopt;
}

class TableReader {
 public:
  // `texts` numbers the labels of all files of one data set.
  TableReader(ByteSource* source, const CsvOptions& options, LabelTexts* texts)
      : source_(source), options_(options), texts_(texts), parser_(source, options.delimiter) {}

  // Reads the header or, without one, the first row, and plans the columns.
  absl::StatusOr<CsvColumns> Plan() {
    const absl::StatusOr<bool> found = parser_.Next(&record_);
    if (!found.ok()) return found.status();
    if (!*found || IsBlank()) return Fault("has no rows");
    pending_ = !options_.has_header;
    absl::StatusOr<CsvColumns> columns = PlanCsvColumns(record_, options_);
    if (!columns.ok()) return Fault(columns.status().message());
    return columns;
  }

  // Reads all rows. `budget` is what may still be held and is lowered by what is held.
  absl::StatusOr<Table> ReadRows(const CsvColumns& columns, std::int64_t* budget) {
    Table table;
    const auto feature_count = static_cast<std::int64_t>(columns.features.size());
    const bool classes = options_.targets == TargetKind::kClasses;
    const std::int64_t value_count = classes ? 0 : static_cast<std::int64_t>(columns.labels.size());
    std::int64_t rows = 0;
    std::int64_t capacity = 0;
    // A wide table must not take much more than its first row.
    const std::int64_t first_capacity = std::clamp<std::int64_t>(65536 / columns.count, 1, 64);
    std::optional<std::int64_t> blank_line;
    while (true) {
      if (!pending_) {
        const absl::StatusOr<bool> found = parser_.Next(&record_);
        if (!found.ok()) return found.status();
        if (!*found) break;
      }
      pending_ = false;
      if (IsBlank()) {
        if (!blank_line) blank_line = parser_.line();
        continue;
      }
      if (blank_line) return Fault(absl::StrCat("line ", *blank_line, ": is empty: only the end may have empty lines"));
      if (static_cast<std::int64_t>(record_.size()) != columns.count) {
        return Fault(
            absl::StrCat("line ", parser_.line(), ": has ", record_.size(), " fields: must have ", columns.count));
      }
      *budget -= 8 * columns.count;
      if (*budget < 0) {
        return absl::ResourceExhaustedError(absl::StrCat(source_->name(), ": line ", parser_.line(),
                                                         ": the table needs more than the limit of ",
                                                         options_.limits.max_bytes, " bytes"));
      }
      if (rows == capacity) {
        capacity = std::max(first_capacity, capacity + capacity / 2 + 1);
        // Row-major storage of the same width grows by realloc, which moves pages instead of bytes.
        table.features.conservativeResize(capacity, feature_count);
        table.values.conservativeResize(capacity, value_count);
      }
      for (std::int64_t i = 0; i < feature_count; ++i) {
        absl::Status status = Number(columns, columns.features[static_cast<std::size_t>(i)], &table.features(rows, i));
        if (!status.ok()) return status;
      }
      for (std::int64_t i = 0; i < value_count; ++i) {
        absl::Status status = Number(columns, columns.labels[static_cast<std::size_t>(i)], &table.values(rows, i));
        if (!status.ok()) return status;
      }
      if (classes) {
        absl::Status status = Label(columns, &table.labels);
        if (!status.ok()) return status;
      }
      ++rows;
    }
    if (rows == 0) return Fault("has no rows");
    table.features.conservativeResize(rows, feature_count);
    table.values.conservativeResize(rows, value_count);
    return table;
  }

 private:
  bool IsBlank() const { return record_.size() == 1 && absl::StripAsciiWhitespace(record_[0]).empty(); }

  absl::Status Fault(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(source_->name(), ": ", what));
  }

  absl::Status FieldFault(const CsvColumns& columns, std::int64_t column, const std::string& what) const {
    std::string message = absl::StrCat("line ", parser_.line(), ", ", columns.Describe(column), " ", what);
    if (!options_.has_header && parser_.line() == 1) absl::StrAppend(&message, " (is the first line a header?)");
    return Fault(message);
  }

  absl::Status Number(const CsvColumns& columns, std::int64_t column, double* value) const {
    const auto problem = ParseNumber(record_[static_cast<std::size_t>(column)], value);
    return problem ? FieldFault(columns, column, *problem) : absl::OkStatus();
  }

  absl::Status Label(const CsvColumns& columns, std::vector<std::int64_t>* labels) const {
    const std::int64_t column = columns.labels[0];
    const std::string label(absl::StripAsciiWhitespace(absl::string_view(record_[static_cast<std::size_t>(column)])));
    if (label.empty()) return FieldFault(columns, column, "is empty: must be a class label");
    if (!IsValidUtf8(label)) return FieldFault(columns, column, "is not UTF-8 text");
    double value = 0;
    const absl::from_chars_result result = absl::from_chars(label.data(), label.data() + label.size(), value);
    const bool number = result.ec == std::errc() && result.ptr == label.data() + label.size();
    if (number && !std::isfinite(value)) {
      return FieldFault(columns, column, absl::StrCat("= \"", label, "\": must be a class label"));
    }
    const absl::StatusOr<std::int64_t> known = texts_->NumberOf(label);
    if (!known.ok()) return Fault(absl::StrCat("line ", parser_.line(), ": ", known.status().message()));
    labels->push_back(*known);
    return absl::OkStatus();
  }

  ByteSource* source_;
  const CsvOptions& options_;
  LabelTexts* texts_;
  CsvParser parser_;
  std::vector<std::string> record_;
  bool pending_ = false;  // record_ holds the first row, not yet read
};

absl::Status CheckDelimiter(char delimiter) {
  const bool of_numbers = absl::ascii_isalnum(static_cast<unsigned char>(delimiter)) || delimiter == '+' ||
                          delimiter == '-' || delimiter == '.';
  if (!of_numbers && delimiter != '"' && delimiter != '\n' && delimiter != '\r' && delimiter != '\0') {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("delimiter = '", absl::CEscape(std::string(1, delimiter)),
                                                 "': must not be a quote, line end, letter, digit or one of + - ."));
}

std::vector<std::string> Pick(const std::vector<std::string>& names, const std::vector<std::int64_t>& columns) {
  std::vector<std::string> picked;
  if (names.empty()) return picked;
  for (const std::int64_t column : columns) picked.push_back(names[static_cast<std::size_t>(column)]);
  return picked;
}

}  // namespace

absl::StatusOr<Dataset> ReadCsv(const std::string& train_path, const std::string& test_path,
                                const CsvOptions& options) {
  if (absl::Status status = CheckDelimiter(options.delimiter); !status.ok()) return status;
  std::int64_t budget = options.limits.max_bytes;
  absl::StatusOr<std::unique_ptr<ByteSource>> train_source = OpenFile(train_path);
  if (!train_source.ok()) return train_source.status();
  LabelTexts texts;
  TableReader train_reader(train_source->get(), options, &texts);
  const absl::StatusOr<CsvColumns> columns = train_reader.Plan();
  if (!columns.ok()) return columns.status();
  absl::StatusOr<Table> train = train_reader.ReadRows(*columns, &budget);
  if (!train.ok()) return train.status();

  Table test;
  if (!test_path.empty()) {
    absl::StatusOr<std::unique_ptr<ByteSource>> test_source = OpenFile(test_path);
    if (!test_source.ok()) return test_source.status();
    TableReader test_reader(test_source->get(), options, &texts);
    const absl::StatusOr<CsvColumns> test_columns = test_reader.Plan();
    if (!test_columns.ok()) return test_columns.status();
    if (test_columns->count != columns->count || test_columns->names != columns->names) {
      return absl::InvalidArgumentError(absl::StrCat(BaseName(test_path), ": columns differ from those of ",
                                                     BaseName(train_path), ": must be the same in the same order"));
    }
    absl::StatusOr<Table> rows = test_reader.ReadRows(*columns, &budget);
    if (!rows.ok()) return rows.status();
    test = *std::move(rows);
  }

  Dataset dataset;
  Description& description = dataset.description;
  description.source = absl::StrCat("csv ", BaseName(train_path));
  description.feature_names = Pick(columns->names, columns->features);
  dataset.train.features = Matrix(std::move(train->features));
  dataset.test.features = Matrix(std::move(test.features));
  if (options.targets == TargetKind::kValues) {
    description.task = Task::kRegression;
    description.target_names = Pick(columns->names, columns->labels);
    dataset.train.targets = Matrix(std::move(train->values));
    dataset.test.targets = Matrix(std::move(test.values));
    return dataset;
  }
  if (absl::Status status = SetClassTargetsFromText(train->labels, test.labels, texts.texts(), budget, &dataset);
      !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(BaseName(train_path), ": ", status.message()));
  }
  return dataset;
}

}  // namespace cvxnn::data
