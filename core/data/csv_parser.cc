// SPDX-License-Identifier: Apache-2.0
// Records of delimiter-separated text; see csv_parser.h.
#include "core/data/csv_parser.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace cvxnn::data {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

}  // namespace

CsvParser::CsvParser(ByteSource* source, char delimiter) : source_(source), delimiter_(delimiter) {}

absl::Status CsvParser::Fault(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat(source_->name(), ": line ", record_line_, ": ", what));
}

absl::Status CsvParser::Refill() {
  buffer_.resize(kBufferBytes);
  const absl::StatusOr<std::size_t> count = source_->Read(buffer_.data(), buffer_.size());
  if (!count.ok()) return count.status();
  buffer_.resize(*count);
  position_ = 0;
  if (at_start_ && absl::StartsWith(buffer_, "\xEF\xBB\xBF")) position_ = 3;
  at_start_ = false;
  return absl::OkStatus();
}

absl::StatusOr<int> CsvParser::Peek() {
  if (position_ == buffer_.size()) {
    if (absl::Status status = Refill(); !status.ok()) return status;
    if (position_ == buffer_.size()) return kEnd;
  }
  return static_cast<unsigned char>(buffer_[position_]);
}

absl::Status CsvParser::ReadQuoted(std::string* field) {
  while (true) {
    const absl::StatusOr<int> byte = Peek();
    if (!byte.ok()) return byte.status();
    if (*byte == kEnd) return Fault("a quote is not closed");
    ++position_;
    if (*byte == '"') {
      const absl::StatusOr<int> next = Peek();
      if (!next.ok()) return next.status();
      if (*next != '"') return absl::OkStatus();
      ++position_;
    }
    if (*byte == '\n') ++line_;
    field->push_back(static_cast<char>(*byte));
    if (++record_bytes_ > kMaxCsvRecordBytes) return Fault("a quoted field is too long; is a quote not closed?");
  }
}

absl::Status CsvParser::ReadField(std::string* field, bool* last_of_record) {
  field->clear();
  bool was_quoted = false;
  while (true) {
    const absl::StatusOr<int> byte = Peek();
    if (!byte.ok()) return byte.status();
    *last_of_record = *byte == kEnd || *byte == '\n' || *byte == '\r';
    if (*byte == kEnd) return absl::OkStatus();
    ++position_;
    if (*byte == '\r') {
      const absl::StatusOr<int> next = Peek();
      if (!next.ok()) return next.status();
      if (*next == '\n') ++position_;
    }
    if (*last_of_record) {
      ++line_;
      return absl::OkStatus();
    }
    if (++record_bytes_ > kMaxCsvRecordBytes) {
      return Fault(absl::StrCat("the line is longer than ", kMaxCsvRecordBytes, " bytes"));
    }
    if (static_cast<char>(*byte) == delimiter_) return absl::OkStatus();
    if (*byte == '"' && field->empty() && !was_quoted) {
      was_quoted = true;
      if (absl::Status status = ReadQuoted(field); !status.ok()) return status;
    } else if (!was_quoted) {
      field->push_back(static_cast<char>(*byte));
    } else if (*byte != ' ') {
      return Fault("text after a closing quote");
    }
  }
}

absl::StatusOr<bool> CsvParser::Next(std::vector<std::string>* fields) {
  record_line_ = line_;
  record_bytes_ = 0;
  const absl::StatusOr<int> first = Peek();
  if (!first.ok()) return first.status();
  if (*first == kEnd) return false;
  std::size_t count = 0;
  bool last = false;
  while (!last) {
    if (count == kMaxCsvFields) return Fault(absl::StrCat("has more than ", kMaxCsvFields, " fields"));
    // Strings of earlier records are used again, which saves an allocation per field.
    if (count == fields->size()) fields->emplace_back();
    if (absl::Status status = ReadField(&(*fields)[count++], &last); !status.ok()) return status;
  }
  fields->resize(count);
  return true;
}

}  // namespace cvxnn::data
