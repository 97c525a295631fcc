// SPDX-License-Identifier: Apache-2.0
// The prefix of an enum's values is what they all share with the value 0, …_UNSPECIFIED.
#include "client/cpp/command/enum_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>

namespace cvxnn::command {
namespace {

std::string ShortName(const google::protobuf::EnumValueDescriptor* value) {
  std::string prefix = value->type()->value(0)->name();
  prefix = std::string(absl::StripSuffix(prefix, "UNSPECIFIED"));
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(value->name(), prefix)), {{"_", "-"}});
}

}  // namespace

std::string EnumText(const google::protobuf::EnumDescriptor* type, int number) {
  if (number == 0) return "";
  const auto* value = type->FindValueByNumber(number);
  return value == nullptr ? std::to_string(number) : ShortName(value);
}

std::optional<int> ParseEnum(const google::protobuf::EnumDescriptor* type, const std::string& text) {
  const std::string wanted = absl::StrReplaceAll(absl::AsciiStrToLower(text), {{"_", "-"}});
  for (int i = 0; i < type->value_count(); ++i) {
    const auto* value = type->value(i);
    if (ShortName(value) == wanted || value->name() == text) return value->number();
  }
  return std::nullopt;
}

std::vector<std::string> EnumChoices(const google::protobuf::EnumDescriptor* type) {
  std::vector<std::string> choices;
  for (int i = 1; i < type->value_count(); ++i) choices.push_back(ShortName(type->value(i)));
  return choices;
}

}  // namespace cvxnn::command
