// SPDX-License-Identifier: Apache-2.0
// Numbers on the command line, read strictly: the parser's own reading takes 010 for eight, wraps what is out of range,
// and lets nan through every range check.
#pragma once

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "client/cpp/command/echo.h"

namespace cvxnn::command {

/// Makes an option take finite numbers where `Number` is a float; else whole numbers in decimal of at least `least`
/// that fit `Number`.
template <typename Number>
CLI::Option* OnlyNumbers(CLI::Option* option, Number least = std::numeric_limits<Number>::lowest()) {
  static_assert(std::is_arithmetic_v<Number>);
  const auto read = [least](std::string& text) -> std::string {
    if constexpr (std::is_floating_point_v<Number>) {
      double value = 0;
      if (absl::SimpleAtod(text, &value) && std::isfinite(value)) return "";
      return absl::StrCat("\"", Echo(text), "\": must be a finite number");
    } else {
      Number value = 0;
      if (!absl::SimpleAtoi(text, &value) || value < least) {
        return absl::StrCat("\"", Echo(text), "\": must be a whole number from ", least, " to ",
                            std::numeric_limits<Number>::max());
      }
      text = absl::StrCat(value);  // without zeros in front
      return "";
    }
  };
  return option->transform(CLI::Validator(read, ""));
}

}  // namespace cvxnn::command
