// SPDX-License-Identifier: Apache-2.0
// Pads cells to the width of their column.
#include "bench/table.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace cvxnn::bench {
namespace {

using Cells = std::array<std::string, 6>;

Cells ToCells(const Row& row) { return {row.what, row.measured, row.reference, row.ratio, row.goal, row.verdict}; }

// Characters, not bytes of UTF-8.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string Verdict(bool met, const std::string& reason) { return met ? "met" : "missed: " + reason; }

void Table::Print(std::ostream& out) const {
  std::vector<Cells> lines = {{"what", "measured", "reference", "ratio", "goal", "verdict"}, {}};
  for (const Row& row : rows_) lines.push_back(ToCells(row));
  std::array<std::size_t, 6> widths = {};
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], Width(line[i]));
  }
  for (std::size_t i = 0; i < widths.size(); ++i) lines[1][i] = std::string(widths[i], '-');
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      out << "| " << line[i] << std::string(widths[i] - Width(line[i]) + 1, ' ');
    }
    out << "|\n";
  }
  out.flush();
}

}  // namespace cvxnn::bench
