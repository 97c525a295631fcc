// SPDX-License-Identifier: Apache-2.0
// Cuts between characters of UTF-8.
#include "client/cpp/command/echo.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace cvxnn::command {

std::string Echo(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto inside_character = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  std::size_t end = most;
  while (end > 0 && inside_character(end)) --end;
  return absl::StrCat(text.substr(0, end), "… (", text.size(), " bytes)");
}

std::string ShortenWords(const std::string& message, std::size_t most) {
  constexpr char kSpaces[] = " \n\t";
  std::string result;
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t word = std::min(message.find_first_not_of(kSpaces, at), message.size());
    const std::size_t end = std::min(message.find_first_of(kSpaces, word), message.size());
    absl::StrAppend(&result, message.substr(at, word - at), Echo(message.substr(word, end - word), most));
    at = end;
  }
  return result;
}

}  // namespace cvxnn::command
