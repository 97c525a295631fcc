// SPDX-License-Identifier: Apache-2.0
// Which rows of a table a list has.
#pragma once

#include <string>
#include <vector>

namespace cvxnn::server {

/// An SQL condition that begins with " AND" (empty: all rows), and the values of its question marks in order.
struct RowFilter {
  std::string conditions;
  std::vector<std::string> values;
};

}  // namespace cvxnn::server
