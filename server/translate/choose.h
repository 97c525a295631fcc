// SPDX-License-Identifier: Apache-2.0
// Looks an enum value or a oneof member up in a table of capabilities.h and says, when it is not there, what is.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <algorithm>
#include <string>
#include <utility>

#include "server/translate/violations.h"

namespace cvxnn::server {

/// Name of an enum's value, or its number when the contract has no such value.
template <typename Enum>
std::string ValueName(Enum value) {
  const auto* found = google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value));
  return found == nullptr ? absl::StrCat(static_cast<int>(value)) : found->name();
}

/// core's value of `value`. 0 (unspecified) gives `unspecified`. What is not in the table is recorded: a value that the
/// contract names as not built, any other as invalid.
template <typename Table, typename Enum, typename Core>
Core Choose(const Table& table, Enum value, const std::string& field, Core unspecified, Violations* violations) {
  if (static_cast<int>(value) == 0) return unspecified;
  std::string built;
  for (const auto& choice : table) {
    if (choice.proto == value) return choice.core;
    absl::StrAppend(&built, built.empty() ? "" : ", ", ValueName(choice.proto));
  }
  if (google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(static_cast<int>(value)) != nullptr) {
    violations->NotBuilt(field, ValueName(value), built);
  } else {
    violations->Invalid(field, static_cast<int>(value), absl::StrCat("must be one of ", built));
  }
  return unspecified;
}

/// As above; unspecified is the first of the table.
template <typename Table, typename Enum>
auto Choose(const Table& table, Enum value, const std::string& field, Violations* violations) {
  return Choose(table, value, field, table[0].core, violations);
}

/// The contract's value of core's `value`; 0 (unspecified) when the table has none.
template <typename Table, typename Core>
auto Reverse(const Table& table, Core value) {
  for (const auto& choice : table) {
    if (choice.core == value) return choice.proto;
  }
  return decltype(table[0].proto){};
}

/// Name of the field with this number.
inline std::string MemberName(const google::protobuf::Descriptor* message, int number) {
  const auto* field = message->FindFieldByNumber(number);
  return field == nullptr ? absl::StrCat(number) : field->name();
}

/// Whether member `number` of a oneof is built; records it as not built otherwise.
template <typename Members>
bool IsBuilt(const google::protobuf::Descriptor* message, const Members& members, int number, const std::string& field,
             Violations* violations) {
  if (std::find(members.begin(), members.end(), number) != members.end()) return true;
  std::string built;
  for (const int member : members) absl::StrAppend(&built, built.empty() ? "" : ", ", MemberName(message, member));
  violations->NotBuilt(field, MemberName(message, number), built);
  return false;
}

}  // namespace cvxnn::server
