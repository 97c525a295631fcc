// SPDX-License-Identifier: Apache-2.0
// The one table of a run, as markdown that is also readable in a terminal.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace cvxnn::bench {

struct Row {
  std::string what;       ///< the work
  std::string measured;   ///< what cvxnn took for it
  std::string reference;  ///< what it is compared with, measured in the same run
  std::string ratio;      ///< measured to reference; the cell says of what where it is not obvious
  std::string goal;
  std::string verdict;  ///< see Verdict
};

/// "met", or "missed: reason".
std::string Verdict(bool met, const std::string& reason);

class Table {
 public:
  void Add(Row row) { rows_.push_back(std::move(row)); }
  void Print(std::ostream& out) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace cvxnn::bench
