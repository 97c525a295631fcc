// SPDX-License-Identifier: Apache-2.0
// Mutation by reflection; see message_input.h.
#include "tests/fuzz/message_input.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace cvxnn::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class FieldMutator {
 public:
  explicit FieldMutator(std::uint32_t seed) : random_(seed) {}

  void Mutate(Message* message) {
    const auto* type = message->GetDescriptor();
    if (type->field_count() == 0) return;
    const FieldDescriptor* field = type->field(Below(type->field_count()));
    // Rather a field that is there, so that deep messages are reached.
    std::vector<const FieldDescriptor*> present;
    message->GetReflection()->ListFields(*message, &present);
    if (!present.empty() && Below(4) != 0)
      field = present[static_cast<std::size_t>(Below(static_cast<int>(present.size())))];
    if (field->is_repeated()) return MutateRepeated(message, field);
    if (Below(8) == 0) return message->GetReflection()->ClearField(message, field);
    Set(message, field, -1);
  }

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

  void MutateRepeated(Message* message, const FieldDescriptor* field) {
    const auto& reflection = *message->GetReflection();
    const int size = reflection.FieldSize(*message, field);
    const int choice = Below(8);
    if (size == 0 || choice < 2) return Add(message, field);
    if (choice == 2) return reflection.RemoveLast(message, field);
    if (choice == 3) return reflection.SwapElements(message, field, Below(size), Below(size));
    Set(message, field, Below(size));
  }

  std::int64_t Integer() {
    constexpr std::int64_t kEdges[] = {0,
                                       1,
                                       2,
                                       3,
                                       10,
                                       255,
                                       256,
                                       65536,
                                       std::numeric_limits<std::int32_t>::max(),
                                       std::numeric_limits<std::int64_t>::max(),
                                       std::numeric_limits<std::int64_t>::min(),
                                       -1};
    return Below(4) == 0 ? static_cast<std::int64_t>(random_()) >> Below(63) : kEdges[Below(std::size(kEdges))];
  }
  double Number() {
    constexpr double kEdges[] = {0,
                                 -0.0,
                                 1,
                                 -1,
                                 0.5,
                                 1e-3,
                                 1e308,
                                 1e-308,
                                 std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN(),
                                 0.1,
                                 1e9};
    return Below(4) == 0 ? std::ldexp(static_cast<double>(random_()), -Below(100)) : kEdges[Below(std::size(kEdges))];
  }
  std::string Text(std::string text) {
    constexpr const char* kEdges[] = {"",       "a",     "datasets/a", "../x",  "/etc",    "cpu",
                                      "cuda:0", "x.npz", "x.npy",      "x.csv", "\xC3\xA9"};
    const int choice = Below(4);
    if (choice == 0 || text.empty()) return kEdges[Below(std::size(kEdges))];
    const auto place = static_cast<std::size_t>(Below(static_cast<int>(text.size())));
    if (choice == 1) return text.erase(place, 1);
    if (choice == 2) return text.insert(place, 1, static_cast<char>(Below(128)));
    text[place] = static_cast<char>(Below(128));
    return text;
  }

  void Add(Message* message, const FieldDescriptor* field) {
    const auto& reflection = *message->GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Mutate(reflection.AddMessage(message, field));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.AddInt32(message, field, static_cast<std::int32_t>(Integer()));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.AddInt64(message, field, Integer());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.AddDouble(message, field, Number());
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.AddString(message, field, Text(""));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.AddEnumValue(message, field, Below(12));
      default:
        return;
    }
  }

  /// `index` < 0: a field that is not repeated.
  void Set(Message* message, const FieldDescriptor* field, int index) {
    const auto& reflection = *message->GetReflection();
    const bool one = index < 0;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Mutate(one ? reflection.MutableMessage(message, field)
                          : reflection.MutableRepeatedMessage(message, field, index));
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto value = static_cast<std::int32_t>(Integer());
        return one ? reflection.SetInt32(message, field, value)
                   : reflection.SetRepeatedInt32(message, field, index, value);
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const std::int64_t value = Integer();
        return one ? reflection.SetInt64(message, field, value)
                   : reflection.SetRepeatedInt64(message, field, index, value);
      }
      case FieldDescriptor::CPPTYPE_UINT32:
        return one ? reflection.SetUInt32(message, field, static_cast<std::uint32_t>(Integer())) : void();
      case FieldDescriptor::CPPTYPE_UINT64:
        return one ? reflection.SetUInt64(message, field, static_cast<std::uint64_t>(Integer())) : void();
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        const double value = Number();
        return one ? reflection.SetDouble(message, field, value)
                   : reflection.SetRepeatedDouble(message, field, index, value);
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        return one ? reflection.SetBool(message, field, Below(2) == 0) : void();
      case FieldDescriptor::CPPTYPE_STRING:
        return one ? reflection.SetString(message, field, Text(reflection.GetString(*message, field)))
                   : reflection.SetRepeatedString(message, field, index,
                                                  Text(reflection.GetRepeatedString(*message, field, index)));
      case FieldDescriptor::CPPTYPE_ENUM:
        return one ? reflection.SetEnumValue(message, field, Below(12))
                   : reflection.SetRepeatedEnumValue(message, field, index, Below(12));
      default:
        return;
    }
  }

  std::mt19937 random_;
};

}  // namespace

void MutateMessage(Message* message, std::uint32_t seed) { FieldMutator(seed).Mutate(message); }

}  // namespace cvxnn::fuzz
