// SPDX-License-Identifier: Apache-2.0
// One function a kind of field: message, map, list, scalar.
#include "client/cpp/command/yaml_message.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <set>
#include <vector>

#include "client/cpp/command/echo.h"
#include "client/cpp/command/enum_text.h"

namespace cvxnn::command {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// Levenshtein's distance, for "did you mean".
std::size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

class Filler {
 public:
  explicit Filler(const std::string& file_name) : file_name_(file_name) {}

  absl::Status Fill(const YAML::Node& node, const std::string& path, Message* message) const {
    if (node.IsNull()) return absl::OkStatus();
    if (!node.IsMap()) return Fault(node, path, "must be a mapping of fields to values");
    std::set<int> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      const std::string field_path = path.empty() ? Echo(key) : absl::StrCat(path, ".", Echo(key));
      const FieldDescriptor* field = Find(message->GetDescriptor(), key);
      if (field == nullptr) return Fault(entry.first, field_path, Unknown(message->GetDescriptor(), key));
      if (!seen.insert(field->number()).second) return Fault(entry.first, field_path, "is given twice");
      if (entry.second.IsNull() && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (absl::Status status = CheckChoice(entry.first, field_path, *message, field); !status.ok()) return status;
      if (absl::Status status = FillField(entry.second, field_path, message, field); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Fault(const YAML::Node& node, const std::string& path, const std::string& what) const {
    const std::string subject = path.empty() ? "" : absl::StrCat(path, ": ");
    return absl::InvalidArgumentError(absl::StrCat(file_name_, ":", node.Mark().line + 1, ": ", subject, what));
  }

  static const FieldDescriptor* Find(const Descriptor* type, const std::string& key) {
    const FieldDescriptor* field = type->FindFieldByName(key);
    return field != nullptr ? field : type->FindFieldByCamelcaseName(key);
  }

  static std::string Unknown(const Descriptor* type, const std::string& key) {
    std::vector<std::string> names;
    std::string nearest;
    std::size_t least = 3;
    for (int i = 0; i < type->field_count(); ++i) {
      names.push_back(type->field(i)->name());
      const std::size_t distance = EditDistance(key, names.back());
      if (distance < least) {
        least = distance;
        nearest = names.back();
      }
    }
    if (!nearest.empty()) return absl::StrCat("no such field; did you mean ", nearest, "?");
    return absl::StrCat("no such field; there are: ", absl::StrJoin(names, ", "));
  }

  absl::Status CheckChoice(const YAML::Node& node, const std::string& path, const Message& message,
                           const FieldDescriptor* field) const {
    const auto* choice = field->real_containing_oneof();
    if (choice == nullptr || !message.GetReflection()->HasOneof(message, choice)) return absl::OkStatus();
    const FieldDescriptor* other = message.GetReflection()->GetOneofFieldDescriptor(message, choice);
    return Fault(node, path, absl::StrCat("cannot be given together with ", other->name()));
  }

  absl::Status FillField(const YAML::Node& node, const std::string& path, Message* message,
                         const FieldDescriptor* field) const {
    if (field->is_map()) return FillMap(node, path, message, field);
    if (field->is_repeated()) {
      if (node.IsNull()) return absl::OkStatus();
      if (!node.IsSequence()) return Fault(node, path, "must be a list");
      for (std::size_t i = 0; i < node.size(); ++i) {
        absl::Status status = SetValue(node[i], absl::StrCat(path, "[", i, "]"), message, field);
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    }
    return SetValue(node, path, message, field);
  }

  absl::Status FillMap(const YAML::Node& node, const std::string& path, Message* message,
                       const FieldDescriptor* field) const {
    if (node.IsNull()) return absl::OkStatus();
    if (!node.IsMap()) return Fault(node, path, "must be a mapping of keys to values");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string entry_path = absl::StrCat(path, ".", Echo(entry.first.Scalar()));
      if (!seen.insert(entry.first.Scalar()).second) return Fault(entry.first, entry_path, "is given twice");
      Message* added = message->GetReflection()->AddMessage(message, field);
      absl::Status status = SetValue(entry.first, entry_path, added, field->message_type()->map_key());
      if (status.ok()) status = SetValue(entry.second, entry_path, added, field->message_type()->map_value());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  /// Sets a field, or adds to a repeated one.
  absl::Status SetValue(const YAML::Node& node, const std::string& path, Message* message,
                        const FieldDescriptor* field) const {
    const Reflection& reflection = *message->GetReflection();
    const bool add = field->is_repeated();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message* child = add ? reflection.AddMessage(message, field) : reflection.MutableMessage(message, field);
      if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(child)) {
        if (node.IsScalar() && google::protobuf::util::TimeUtil::FromString(node.Scalar(), time)) {
          return absl::OkStatus();
        }
        return Fault(node, path, "must be a time like 2026-01-31T12:00:00Z");
      }
      return Fill(node, path, child);
    }
    if (!node.IsScalar()) return Fault(node, path, "must be a single value");
    const std::string& text = node.Scalar();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return Number<std::int32_t>(node, path, "a whole number", [&](std::int32_t value) {
          add ? reflection.AddInt32(message, field, value) : reflection.SetInt32(message, field, value);
        });
      case FieldDescriptor::CPPTYPE_INT64:
        return Number<std::int64_t>(node, path, "a whole number", [&](std::int64_t value) {
          add ? reflection.AddInt64(message, field, value) : reflection.SetInt64(message, field, value);
        });
      case FieldDescriptor::CPPTYPE_UINT64:
        return Number<std::uint64_t>(node, path, "a whole number of at least 0", [&](std::uint64_t value) {
          add ? reflection.AddUInt64(message, field, value) : reflection.SetUInt64(message, field, value);
        });
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double value = 0;
        if (!absl::SimpleAtod(text, &value))
          return Fault(node, path, absl::StrCat("\"", Echo(text), "\" is not a number"));
        add ? reflection.AddDouble(message, field, value) : reflection.SetDouble(message, field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        if (text != "true" && text != "false") return Fault(node, path, "must be true or false");
        add ? reflection.AddBool(message, field, text == "true") : reflection.SetBool(message, field, text == "true");
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_STRING:
        add ? reflection.AddString(message, field, text) : reflection.SetString(message, field, text);
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto value = ParseEnum(field->enum_type(), text);
        if (!value.has_value()) {
          return Fault(node, path,
                       absl::StrCat("\"", Echo(text), "\" is not one of ",
                                    absl::StrJoin(EnumChoices(field->enum_type()), ", ")));
        }
        add ? reflection.AddEnumValue(message, field, *value) : reflection.SetEnumValue(message, field, *value);
        return absl::OkStatus();
      }
      default:
        return Fault(node, path, "has a type that job files do not know");
    }
  }

  template <typename Integer, typename Set>
  absl::Status Number(const YAML::Node& node, const std::string& path, const char* what, const Set& set) const {
    Integer value = 0;
    if (!absl::SimpleAtoi(node.Scalar(), &value)) {
      return Fault(node, path, absl::StrCat("\"", Echo(node.Scalar()), "\" is not ", what));
    }
    set(value);
    return absl::OkStatus();
  }

  const std::string& file_name_;
};

}  // namespace

absl::Status FillMessage(const YAML::Node& node, const std::string& file_name, Message* message) {
  return Filler(file_name).Fill(node, "", message);
}

}  // namespace cvxnn::command
