// SPDX-License-Identifier: Apache-2.0
// Flags that write straight into a message, and the few shapes of flag that come again and again.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/number_flag.h"

namespace cvxnn::command {

/// Adds an option that takes one value each time it is given, so that a file name may follow.
inline CLI::Option* AddRepeated(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                                const std::string& help) {
  return app.add_option(names, values, help)->allow_extra_args(false);
}

/// Restricts an option to the values of an enum, written short.
template <typename Enum>
CLI::Option* OneOf(CLI::Option* option) {
  return option->check(CLI::IsMember(EnumChoices<Enum>(), CLI::ignore_case, CLI::ignore_underscore));
}

/// A set of options, each with a function that puts its value into a message when the option was given.
template <typename Message>
class MessageFlags {
 public:
  template <typename Value>
  CLI::Option* Add(CLI::App& app, const std::string& names, const std::string& help,
                   std::function<void(Message&, const Value&)> set) {
    auto value = std::make_shared<Value>();
    CLI::Option* option = app.add_option(names, *value, help);
    if constexpr (std::is_arithmetic_v<Value>) OnlyNumbers<Value>(option);
    setters_.push_back([option, value, set = std::move(set)](Message& message) {
      if (option->count() > 0) set(message, *value);
    });
    return option;
  }

  template <typename Enum>
  CLI::Option* AddEnum(CLI::App& app, const std::string& names, const std::string& help,
                       std::function<void(Message&, Enum)> set) {
    CLI::Option* option = Add<std::string>(
        app, names, help,
        [set = std::move(set)](Message& message, const std::string& text) { set(message, EnumValue<Enum>(text)); });
    return OneOf<Enum>(option);
  }

  /// A flag without a value.
  CLI::Option* AddSwitch(CLI::App& app, const std::string& names, const std::string& help,
                         std::function<void(Message&)> set) {
    CLI::Option* option = app.add_flag(names, help);
    setters_.push_back([option, set = std::move(set)](Message& message) {
      if (option->count() > 0) set(message);
    });
    return option;
  }

  /// Writes every option that was given, in the order added.
  void Apply(Message& message) const {
    for (const auto& setter : setters_) setter(message);
  }

 private:
  std::vector<std::function<void(Message&)>> setters_;
};

}  // namespace cvxnn::command
