// SPDX-License-Identifier: Apache-2.0
// What all lists share: JSON and names for scripts, a hint where a table would be empty.
#pragma once

#include <iostream>
#include <vector>

#include "client/cpp/command/context.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/command/table.h"

namespace cvxnn::command {

/// Prints a JSON array or one name a line, where that is what the global flags ask for.
template <typename Resource>
bool PrintedForScripts(const Context& context, const std::vector<Resource>& resources) {
  if (context.json()) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const Resource& resource : resources) array.push_back(MessageToJson(resource));
    std::cout << array.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return true;
  }
  if (context.quiet) {
    for (const Resource& resource : resources) std::cout << resource.name() << "\n";
    return true;
  }
  return false;
}

/// The hint goes to standard error: an empty list is an empty list.
inline void PrintTable(const Table& table, const char* hint_when_empty) {
  if (table.empty()) {
    std::cerr << hint_when_empty << "\n";
  } else {
    table.Print(std::cout);
  }
}

}  // namespace cvxnn::command
