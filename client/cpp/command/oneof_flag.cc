// SPDX-License-Identifier: Apache-2.0
// See oneof_flag.h.
#include "client/cpp/command/oneof_flag.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "client/cpp/command/echo.h"

namespace cvxnn::command {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// As people type names of the contract.
std::string Typed(const std::string& name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }
std::string Written(const std::string& name) { return absl::StrReplaceAll(name, {{"-", "_"}}); }

std::string FieldNames(const Descriptor* type) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(type->field_count()));
  for (int i = 0; i < type->field_count(); ++i) names.push_back(Typed(type->field(i)->name()));
  return absl::StrJoin(names, ", ");
}

/// False when the text is not a value of the field's type.
bool SetField(const FieldDescriptor* field, const std::string& text, Message* message) {
  const auto* reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value)) return false;
      reflection->SetDouble(message, field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      std::int32_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return false;
      reflection->SetInt32(message, field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      std::int64_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return false;
      reflection->SetInt64(message, field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      bool value = false;
      if (!absl::SimpleAtob(text, &value)) return false;
      reflection->SetBool(message, field, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      if (field->is_repeated()) {
        reflection->AddString(message, field, text);
      } else {
        reflection->SetString(message, field, text);
      }
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string OneofChoices(const Descriptor* type, const std::string& oneof) {
  const auto* choices = type->FindOneofByName(oneof);
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(choices->field_count()));
  for (int i = 0; i < choices->field_count(); ++i) names.push_back(Typed(choices->field(i)->name()));
  return absl::StrJoin(names, ", ");
}

absl::Status SetOneof(const std::string& flag, const std::string& text, const std::string& oneof, Message* message) {
  const auto fault = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", Echo(text), ": ", what...));
  };
  const std::pair<std::string, std::string> halves = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const FieldDescriptor* choice = message->GetDescriptor()->FindFieldByName(Written(halves.first));
  if (choice == nullptr || choice->containing_oneof() == nullptr || choice->containing_oneof()->name() != oneof) {
    return fault("must be one of ", OneofChoices(message->GetDescriptor(), oneof));
  }
  Message* chosen = message->GetReflection()->MutableMessage(message, choice);
  if (halves.second.empty()) return absl::OkStatus();
  std::set<int> seen;
  for (const auto part : absl::StrSplit(halves.second, ',')) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const FieldDescriptor* field = chosen->GetDescriptor()->FindFieldByName(Written(pair.first));
    if (field == nullptr) {
      const std::string names = FieldNames(chosen->GetDescriptor());
      return fault("\"", Echo(pair.first), "\" must be ", names.empty() ? "absent" : absl::StrCat("one of ", names));
    }
    if (!seen.insert(field->number()).second && !field->is_repeated()) {
      return fault(Typed(field->name()), " is given twice");
    }
    if (!SetField(field, pair.second, chosen)) {
      return fault("\"", Echo(pair.second), "\" is not a value of ", Typed(field->name()));
    }
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::command
