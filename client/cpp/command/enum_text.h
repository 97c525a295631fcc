// SPDX-License-Identifier: Apache-2.0
// Names of enums as people type and read them: LOSS_SCALE_HALF_SUM is "half-sum". Taken from the descriptors, so that
// what the contract gains the command knows.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <optional>
#include <string>
#include <vector>

namespace cvxnn::command {

/// "half-sum" for a number of the enum; the number itself when it has no name; "" for the unspecified value 0.
std::string EnumText(const google::protobuf::EnumDescriptor* type, int number);

/// Takes "half-sum", "half_sum", "HALF_SUM" and "LOSS_SCALE_HALF_SUM".
std::optional<int> ParseEnum(const google::protobuf::EnumDescriptor* type, const std::string& text);

/// What can be typed, in the contract's order, without the unspecified value.
std::vector<std::string> EnumChoices(const google::protobuf::EnumDescriptor* type);

template <typename Enum>
std::string EnumText(Enum value) {
  return EnumText(google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

template <typename Enum>
std::vector<std::string> EnumChoices() {
  return EnumChoices(google::protobuf::GetEnumDescriptor<Enum>());
}

/// `text` was checked against the choices; anything else gives the unspecified value.
template <typename Enum>
Enum EnumValue(const std::string& text) {
  return static_cast<Enum>(ParseEnum(google::protobuf::GetEnumDescriptor<Enum>(), text).value_or(0));
}

}  // namespace cvxnn::command
