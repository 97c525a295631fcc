// SPDX-License-Identifier: Apache-2.0
// Asks the terminal driver and the environment.
#include "client/cpp/command/terminal.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace cvxnn::command {
namespace {

bool IsTerminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return isatty(descriptor) == 1 && (term == nullptr || std::string(term) != "dumb");
}

winsize Size() {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size;
  }
  return {};
}

}  // namespace

bool OutputIsTerminal() { return IsTerminal(STDOUT_FILENO); }

bool ErrorIsTerminal() { return IsTerminal(STDERR_FILENO); }

int TerminalWidth() {
  constexpr int kDefaultWidth = 80;
  const int width = Size().ws_col;
  return width > 0 ? width : kDefaultWidth;
}

int TerminalHeight() {
  constexpr int kDefaultHeight = 24;
  const int height = Size().ws_row;
  return height > 0 ? height : kDefaultHeight;
}

int RowsTaken(int width, int columns) { return std::max(1, (width + columns - 1) / std::max(1, columns)); }

bool TerminalShowsUnicode() {
  // As setlocale(3) decides: the first of these that is set and not empty.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = absl::AsciiStrToLower(value);
    return absl::StrContains(locale, "utf-8") || absl::StrContains(locale, "utf8");
  }
  return false;
}

}  // namespace cvxnn::command
