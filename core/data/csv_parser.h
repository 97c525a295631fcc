// SPDX-License-Identifier: Apache-2.0
// Splits delimiter-separated text into records (RFC 4180), without knowing what the fields mean.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/byte_source.h"

namespace cvxnn::data {

/// Longest record and most fields in it, so that a file without line ends cannot fill the memory: a field costs a
/// string, however short.
inline constexpr std::size_t kMaxCsvRecordBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxCsvFields = std::size_t{1} << 20;

/// Reads one record after another. A byte order mark at the start is skipped; LF, CRLF and CR end a line; a quoted
/// field may hold delimiters, line ends and doubled quotes.
class CsvParser {
 public:
  /// `source` must outlive the parser.
  CsvParser(ByteSource* source, char delimiter);

  /// Fills `fields` with the next record; false at the end of the file. An empty line is one empty field.
  /// INVALID_ARGUMENT "<file>: line L: …" for an unclosed quote, text after a closing quote, a record that
  /// is too long or has too many fields.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields);

  /// Line (from 1) on which the last record began.
  std::int64_t line() const { return record_line_; }

 private:
  static constexpr int kEnd = -1;
  absl::Status Refill();
  // The next byte or kEnd, without and with moving on. Only after Refill saw to it that there is one.
  absl::StatusOr<int> Peek();
  absl::Status ReadField(std::string* field, bool* last_of_record);
  absl::Status ReadQuoted(std::string* field);
  absl::Status Fault(const std::string& what) const;

  ByteSource* source_;
  char delimiter_;
  std::string buffer_;
  std::size_t position_ = 0;
  bool at_start_ = true;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 1;
  std::size_t record_bytes_ = 0;
};

}  // namespace cvxnn::data
