// SPDX-License-Identifier: Apache-2.0
// Plain tables: a header, rows, columns as wide as their widest cell, numbers to the right.
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace cvxnn::command {

enum class Align { kLeft, kRight };

/// A table with headed columns.
class Table {
 public:
  struct Column {
    std::string header;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Empty cells show as "-". `cells` has one entry per column; control characters are replaced.
  void AddRow(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out) const;
  /// Leaves out columns, in the order of these headers, until the table is no wider than `width`.
  void Narrow(int width, const std::vector<std::string>& headers);

 private:
  std::vector<int> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Names with their values, one a line: what `describe` shows. Entries with an empty value are left out.
class FieldList {
 public:
  void Add(std::string name, const std::string& value);
  void Print(std::ostream& out, const std::string& indent = "") const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace cvxnn::command
