// SPDX-License-Identifier: Apache-2.0
// Widths are counted in code points, so that ‖ and × do not shift a column.
#include "client/cpp/command/table.h"

#include <algorithm>
#include <numeric>

#include "client/cpp/command/humanize.h"

namespace cvxnn::command {
namespace {

std::string Pad(const std::string& text, int width, Align align) {
  const std::string blanks(static_cast<std::size_t>(std::max(0, width - DisplayWidth(text))), ' ');
  return align == Align::kRight ? blanks + text : text + blanks;
}

}  // namespace

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = cell.empty() ? "-" : Printable(cell);
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::Widths() const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int width = DisplayWidth(columns_[i].header);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
  }
  return widths;
}

void Table::Narrow(int width, const std::vector<std::string>& headers) {
  constexpr int kGap = 2;
  for (const std::string& header : headers) {
    const std::vector<int> widths = Widths();
    if (std::accumulate(widths.begin(), widths.end(), kGap * (static_cast<int>(widths.size()) - 1)) <= width) return;
    const auto column =
        std::find_if(columns_.begin(), columns_.end(), [&](const Column& entry) { return entry.header == header; });
    if (column == columns_.end()) continue;
    const auto index = column - columns_.begin();
    columns_.erase(column);
    for (auto& row : rows_) row.erase(row.begin() + index);
  }
}

void Table::Print(std::ostream& out) const {
  const std::vector<int> widths = Widths();
  const auto print_row = [&](const auto& text_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      line += (i > 0 ? "  " : "") + Pad(text_of(i), widths[i], columns_[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  };
  print_row([&](std::size_t i) { return columns_[i].header; });
  for (const auto& row : rows_) print_row([&](std::size_t i) { return row[i]; });
}

void FieldList::Add(std::string name, const std::string& value) {
  if (!value.empty()) fields_.emplace_back(std::move(name), Printable(value));
}

void FieldList::Print(std::ostream& out, const std::string& indent) const {
  int width = 0;
  for (const auto& [name, value] : fields_) width = std::max(width, DisplayWidth(name));
  for (const auto& [name, value] : fields_) out << indent << Pad(name, width, Align::kLeft) << "  " << value << "\n";
}

}  // namespace cvxnn::command
