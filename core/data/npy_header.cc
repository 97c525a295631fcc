// SPDX-License-Identifier: Apache-2.0
// The header of an NPY array; see npy_header.h.
#include "core/data/npy_header.h"

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

namespace cvxnn::data {
namespace {

constexpr std::uint32_t kMaxHeaderBytes = 1 << 20;
constexpr std::size_t kMaxDimensions = 32;

absl::Status Fault(const std::string& name, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", what));
}

// Reads the few Python literals that the header is made of. Each call skips leading blanks; nullopt means something
// else stands there.
class Literals {
 public:
  explicit Literals(absl::string_view text) : text_(text) {}

  bool Take(char symbol) {
    SkipBlanks();
    if (text_.empty() || text_.front() != symbol) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool AtEnd() {
    SkipBlanks();
    return text_.empty();
  }
  std::optional<std::string> String() {
    SkipBlanks();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == absl::string_view::npos) return std::nullopt;
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<bool> Bool() {
    if (TakeWord("True")) return true;
    if (TakeWord("False")) return false;
    return std::nullopt;
  }
  std::optional<std::vector<std::int64_t>> Tuple() {
    if (!Take('(')) return std::nullopt;
    std::vector<std::int64_t> values;
    while (!Take(')')) {
      const std::optional<std::int64_t> value = Integer();
      if (!value || values.size() == kMaxDimensions) return std::nullopt;
      values.push_back(*value);
      if (Take(',')) continue;
      if (!Take(')')) return std::nullopt;
      break;
    }
    return values;
  }

 private:
  void SkipBlanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t')) {
      text_.remove_prefix(1);
    }
  }
  bool TakeWord(absl::string_view word) {
    SkipBlanks();
    if (text_.substr(0, word.size()) != word) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::int64_t> Integer() {
    SkipBlanks();
    std::size_t digits = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') ++digits;
    std::int64_t value = 0;
    if (digits == 0 || !absl::SimpleAtoi(text_.substr(0, digits), &value)) return std::nullopt;
    text_.remove_prefix(digits);
    if (!text_.empty() && text_.front() == 'L') text_.remove_prefix(1);  // written by Python 2
    return value;
  }

  absl::string_view text_;
};

struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

// {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
std::optional<Fields> ParseDictionary(absl::string_view text) {
  Literals literals(text);
  Fields fields;
  if (!literals.Take('{')) return std::nullopt;
  while (!literals.Take('}')) {
    const std::optional<std::string> key = literals.String();
    if (!key || !literals.Take(':')) return std::nullopt;
    if (*key == "descr" && !fields.descr) {
      fields.descr = literals.String();
      if (!fields.descr) return std::nullopt;
    } else if (*key == "fortran_order" && !fields.fortran_order) {
      fields.fortran_order = literals.Bool();
      if (!fields.fortran_order) return std::nullopt;
    } else if (*key == "shape" && !fields.shape) {
      fields.shape = literals.Tuple();
      if (!fields.shape) return std::nullopt;
    } else {
      return std::nullopt;
    }
    if (literals.Take(',')) continue;
    if (!literals.Take('}')) return std::nullopt;
    break;
  }
  if (!literals.AtEnd() || !fields.descr || !fields.fortran_order || !fields.shape) return std::nullopt;
  return fields;
}

// "<f4": byte order, kind, bytes.
bool ParseType(const std::string& descr, NpyHeader* header) {
  if (descr.size() != 3 || std::strchr("<>=|", descr[0]) == nullptr) return false;
  header->kind = descr[1];
  header->item_bytes = descr[2] - '0';
  const bool one = header->item_bytes == 1;
  const bool word = header->item_bytes == 4 || header->item_bytes == 8;
  const bool known = (header->kind == 'f' && word) || (header->kind == 'b' && one) ||
                     ((header->kind == 'i' || header->kind == 'u') && (one || word || header->item_bytes == 2));
  const bool little = std::endian::native == std::endian::little;
  header->swap_bytes = !one && ((descr[0] == '<' && !little) || (descr[0] == '>' && little));
  return known && (one || descr[0] != '|');
}

absl::StatusOr<std::uint32_t> ReadHeaderLength(ByteSource& source) {
  std::array<unsigned char, 8> start{};
  if (absl::Status status = source.ReadExactly(start.data(), start.size()); !status.ok()) return status;
  if (std::memcmp(start.data(), "\x93NUMPY", 6) != 0) return Fault(source.name(), "is not an NPY array: wrong magic");
  const int major = start[6];
  if (major < 1 || major > 3 || start[7] != 0) {
    return Fault(source.name(), absl::StrCat("NPY version ", major, ".", start[7], ": must be 1.0, 2.0 or 3.0"));
  }
  std::array<unsigned char, 4> length{};
  if (absl::Status status = source.ReadExactly(length.data(), major == 1 ? 2 : 4); !status.ok()) return status;
  const std::uint32_t bytes = length[0] | (static_cast<std::uint32_t>(length[1]) << 8) |
                              (static_cast<std::uint32_t>(length[2]) << 16) |
                              (static_cast<std::uint32_t>(length[3]) << 24);
  if (bytes > kMaxHeaderBytes) {
    return Fault(source.name(), absl::StrCat("NPY header of ", bytes, " bytes: must be at most ", kMaxHeaderBytes));
  }
  return bytes;
}

}  // namespace

absl::StatusOr<NpyHeader> ReadNpyHeader(ByteSource& source) {
  const absl::StatusOr<std::uint32_t> length = ReadHeaderLength(source);
  if (!length.ok()) return length.status();
  std::string text(*length, '\0');
  if (absl::Status status = source.ReadExactly(text.data(), text.size()); !status.ok()) return status;
  const std::optional<Fields> fields = ParseDictionary(text);
  if (!fields) {
    return Fault(source.name(), absl::StrCat("NPY header \"", absl::CEscape(text.substr(0, 120)),
                                             "\": must give descr (a plain type), fortran_order and shape"));
  }
  NpyHeader header;
  if (!ParseType(*fields->descr, &header)) {
    return Fault(source.name(), absl::StrCat("NPY dtype \"", absl::CEscape(fields->descr->substr(0, 40)),
                                             "\": must be f4, f8, i1 to i8, u1 to u8 or b1"));
  }
  header.fortran_order = *fields->fortran_order;
  header.shape = *fields->shape;
  const std::string shape = absl::StrCat("NPY shape (", absl::StrJoin(header.shape, ", "), ")");
  if (header.shape.empty()) return Fault(source.name(), shape + ": must have at least one dimension");
  header.elements = 1;
  for (const std::int64_t size : header.shape) {
    if (size == 0) return Fault(source.name(), shape + ": must have no dimension of 0");
    if (header.elements > std::numeric_limits<std::int64_t>::max() / 8 / size) {
      return Fault(source.name(), shape + ": has too many elements");
    }
    header.elements *= size;
  }
  return header;
}

}  // namespace cvxnn::data
