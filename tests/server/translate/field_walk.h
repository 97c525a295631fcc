// SPDX-License-Identifier: Apache-2.0
// Visits every field of a message, nested ones included, and gives it values other than its default.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace cvxnn::server {

/// A way to change a message in one place.
struct FieldChange {
  std::string path;  ///< e.g. "convex.patterns.sampled.count"
  std::function<void(google::protobuf::Message*)> apply;
};

using Descend = std::function<google::protobuf::Message*(google::protobuf::Message*)>;

/// One change per scalar field and per message without fields, however deep; enums have one per value but 0. Repeated
/// fields get one element, maps are left out. `integer` and `real` are the values given to numbers.
inline void CollectChanges(const google::protobuf::Descriptor* type, const std::string& prefix, const Descend& descend,
                           std::int64_t integer, double real, std::vector<FieldChange>* changes) {
  using google::protobuf::FieldDescriptor;
  if (type->field_count() == 0) changes->push_back({prefix, [descend](auto* root) { descend(root); }});
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->is_map()) continue;
    const std::string path = prefix.empty() ? field->name() : prefix + "." + field->name();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Descend deeper = [descend, field](google::protobuf::Message* root) {
        auto* message = descend(root);
        const auto* reflection = message->GetReflection();
        return field->is_repeated() ? reflection->AddMessage(message, field)
                                    : reflection->MutableMessage(message, field);
      };
      CollectChanges(field->message_type(), path, deeper, integer, real, changes);
      continue;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      for (int value = 1; value < field->enum_type()->value_count(); ++value) {
        changes->push_back({path, [descend, field, value](google::protobuf::Message* root) {
                              auto* message = descend(root);
                              const auto* chosen = field->enum_type()->value(value);
                              if (field->is_repeated()) {
                                message->GetReflection()->AddEnum(message, field, chosen);
                              } else {
                                message->GetReflection()->SetEnum(message, field, chosen);
                              }
                            }});
      }
      continue;
    }
    changes->push_back({path, [descend, field, integer, real](google::protobuf::Message* root) {
                          auto* message = descend(root);
                          const auto* r = message->GetReflection();
                          const bool many = field->is_repeated();
                          switch (field->cpp_type()) {
                            case FieldDescriptor::CPPTYPE_INT32:
                              return many ? r->AddInt32(message, field, static_cast<int>(integer))
                                          : r->SetInt32(message, field, static_cast<int>(integer));
                            case FieldDescriptor::CPPTYPE_INT64:
                              return many ? r->AddInt64(message, field, integer) : r->SetInt64(message, field, integer);
                            case FieldDescriptor::CPPTYPE_UINT32:
                              return r->SetUInt32(message, field, static_cast<std::uint32_t>(integer));
                            case FieldDescriptor::CPPTYPE_UINT64:
                              return r->SetUInt64(message, field, static_cast<std::uint64_t>(integer));
                            case FieldDescriptor::CPPTYPE_DOUBLE:
                              return many ? r->AddDouble(message, field, real) : r->SetDouble(message, field, real);
                            case FieldDescriptor::CPPTYPE_BOOL:
                              // Absent booleans with presence mean true in this contract.
                              return r->SetBool(message, field, !field->has_presence());
                            case FieldDescriptor::CPPTYPE_STRING:
                              return many ? r->AddString(message, field, "x") : r->SetString(message, field, "x");
                            default:
                              return;
                          }
                        }});
  }
}

/// Paths of which no change made a difference. `differs` says whether a change does.
template <typename Differs>
std::set<std::string> IgnoredPaths(const std::vector<FieldChange>& changes, const Differs& differs) {
  std::set<std::string> ignored, noticed;
  for (const FieldChange& change : changes) (differs(change) ? noticed : ignored).insert(change.path);
  for (const std::string& path : noticed) ignored.erase(path);
  return ignored;
}

inline std::vector<FieldChange> ChangesOf(const google::protobuf::Descriptor* type, std::int64_t integer, double real) {
  std::vector<FieldChange> changes;
  CollectChanges(
      type, "", [](google::protobuf::Message* root) { return root; }, integer, real, &changes);
  return changes;
}

}  // namespace cvxnn::server
