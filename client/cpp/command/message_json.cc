// SPDX-License-Identifier: Apache-2.0
// Walks a message by reflection.
#include "client/cpp/command/message_json.h"

#include <absl/strings/escaping.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <string>

namespace cvxnn::command {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestExactInteger = std::int64_t{1} << 53;

Json IntegerJson(std::int64_t value) {
  if (value > kLargestExactInteger || value < -kLargestExactInteger) return std::to_string(value);
  return value;
}

Json UnsignedJson(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(kLargestExactInteger)) return std::to_string(value);
  return value;
}

Json NumberJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json EnumJson(const google::protobuf::EnumDescriptor* type, int number) {
  const auto* value = type->FindValueByNumber(number);
  if (value == nullptr) return number;
  return value->name();
}

std::string TextOf(const FieldDescriptor* field, const std::string& value) {
  if (field->type() != FieldDescriptor::TYPE_BYTES) return value;
  return absl::Base64Escape(value);
}

/// `index` < 0: a field that is not repeated.
Json ValueJson(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool single = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return single ? reflection.GetInt32(message, field) : reflection.GetRepeatedInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return IntegerJson(single ? reflection.GetInt64(message, field)
                                : reflection.GetRepeatedInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return single ? reflection.GetUInt32(message, field) : reflection.GetRepeatedUInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return UnsignedJson(single ? reflection.GetUInt64(message, field)
                                 : reflection.GetRepeatedUInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return NumberJson(single ? reflection.GetDouble(message, field)
                               : reflection.GetRepeatedDouble(message, field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return NumberJson(single ? reflection.GetFloat(message, field)
                               : reflection.GetRepeatedFloat(message, field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return single ? reflection.GetBool(message, field) : reflection.GetRepeatedBool(message, field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumJson(field->enum_type(), single ? reflection.GetEnumValue(message, field)
                                                 : reflection.GetRepeatedEnumValue(message, field, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return TextOf(
          field, single ? reflection.GetString(message, field) : reflection.GetRepeatedString(message, field, index));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageToJson(single ? reflection.GetMessage(message, field)
                                  : reflection.GetRepeatedMessage(message, field, index));
  }
  return nullptr;
}

Json MapJson(const Message& message, const FieldDescriptor* field) {
  Json object = Json::object();
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor* key = field->message_type()->map_key();
  const FieldDescriptor* value = field->message_type()->map_value();
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, field, i);
    const Json name = ValueJson(entry, key, -1);
    object[name.is_string() ? name.get<std::string>() : name.dump()] = ValueJson(entry, value, -1);
  }
  return object;
}

}  // namespace

std::string JsonLine(const Json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Json MessageToJson(const Message& message) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) return TimeUtil::ToString(*time);
  if (const auto* time = dynamic_cast<const google::protobuf::Duration*>(&message)) return TimeUtil::ToString(*time);
  Json object = Json::object();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->is_map()) {
      object[field->name()] = MapJson(message, field);
    } else if (field->is_repeated()) {
      Json array = Json::array();
      for (int k = 0; k < reflection.FieldSize(message, field); ++k) array.push_back(ValueJson(message, field, k));
      object[field->name()] = std::move(array);
    } else if (!field->has_presence() || reflection.HasField(message, field)) {
      object[field->name()] = ValueJson(message, field, -1);
    }
  }
  return object;
}

}  // namespace cvxnn::command
