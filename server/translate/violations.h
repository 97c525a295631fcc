// SPDX-License-Identifier: Apache-2.0
// Collects everything that is wrong with a request, so that the caller hears of all of it at once.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace cvxnn::server {

/// Type URLs under which details hang on an absl::Status as payloads; the same as on the wire.
inline constexpr char kBadRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";
inline constexpr char kResourceInfoUrl[] = "type.googleapis.com/google.rpc.ResourceInfo";
inline constexpr char kPreconditionFailureUrl[] = "type.googleapis.com/google.rpc.PreconditionFailure";
inline constexpr char kQuotaFailureUrl[] = "type.googleapis.com/google.rpc.QuotaFailure";
inline constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

/// Not thread-safe. Field names are relative to the message being checked; `prefix` is their path from the request.
class Violations {
 public:
  explicit Violations(std::string prefix = "") : prefix_(std::move(prefix)) {}

  /// Records "field = value: must" (INVALID_ARGUMENT). `must` is e.g. "must be > 0".
  template <typename Value>
  void Invalid(const std::string& field, const Value& value, const std::string& must) {
    Add(&invalid_, field, absl::StrCat(" = ", Text(value), ": ", must));
  }
  /// As Invalid, with the value as it is to be written.
  void InvalidText(const std::string& field, const std::string& value, const std::string& must) {
    Add(&invalid_, field, absl::StrCat(" = ", value, ": ", must));
  }
  /// Records "field: what" (INVALID_ARGUMENT), for a field that is missing or has no printable value.
  void Wrong(const std::string& field, const std::string& what) { Add(&invalid_, field, absl::StrCat(": ", what)); }
  /// As Invalid unless `ok`.
  template <typename Value>
  void Require(bool ok, const std::string& field, const Value& value, const std::string& must) {
    if (!ok) Invalid(field, value, must);
  }
  /// Records "field = value: not built; built: …" (UNIMPLEMENTED).
  void NotBuilt(const std::string& field, const std::string& value, const std::string& built) {
    Add(&not_built_, field, absl::StrCat(" = ", value, ": not built in this server; built: ", built));
  }

  /// Takes over what was recorded about a part of the same request.
  void Append(const Violations& part);

  /// Whether something invalid is recorded of this field.
  bool Names(const std::string& field) const {
    return std::any_of(invalid_.begin(), invalid_.end(),
                       [&](const Violation& violation) { return violation.path == prefix_ + field; });
  }

  bool empty() const { return invalid_.empty() && not_built_.empty(); }

  /// OK when empty; INVALID_ARGUMENT when anything is invalid, else UNIMPLEMENTED. The message lists every violation,
  /// and so does a google.rpc.BadRequest payload with full field paths.
  absl::Status ToStatus() const;

 private:
  struct Violation {
    std::string path;  // from the request
    std::string text;  // with the field's name relative to the message that was checked
  };
  void Add(std::vector<Violation>* list, const std::string& field, const std::string& text) {
    list->push_back({prefix_ + field, field + text});
  }
  template <typename Value>
  static std::string Text(const Value& value) {
    if constexpr (std::is_convertible_v<const Value&, std::string>) {
      return Quoted(value);
    } else {
      return absl::StrCat(value);
    }
  }
  static std::string Quoted(const std::string& text);

  std::string prefix_;
  std::vector<Violation> invalid_;
  std::vector<Violation> not_built_;
};

/// RESOURCE_EXHAUSTED with a QuotaFailure: "subject: description".
absl::Status QuotaExceeded(const std::string& subject, const std::string& description);

/// INVALID_ARGUMENT for one field, with its BadRequest payload: "field = value: must".
template <typename Value>
absl::Status InvalidField(const std::string& field, const Value& value, const std::string& must) {
  Violations violations;
  violations.Invalid(field, value, must);
  return violations.ToStatus();
}

}  // namespace cvxnn::server
