// SPDX-License-Identifier: Apache-2.0
// Pages of a list, newest first, and the tokens between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Most items on one page.
inline constexpr std::int32_t kMaxPageSize = 1000;

/// What part of a list is asked for.
struct PageRequest {
  std::int32_t size = 0;  ///< 0 to kMaxPageSize; 0 means 50
  std::string token;      ///< next_token of the page before; empty for the first page
};

template <typename Item>
struct Page {
  std::vector<Item> items;
  std::string next_token;  ///< empty on the last page
};

/// Where a page begins and how long it is, after checking.
struct PageStart {
  std::int64_t before = 0;  ///< list items whose creation number is below this
  std::int32_t size = 0;    ///< 1 to 1000
};

/// Checks a request. `list` names the list and its filter; a token belongs to exactly one.
/// INVALID_ARGUMENT: page_size out of range, or a page_token that was not given for `list`.
absl::StatusOr<PageStart> ParsePageRequest(const PageRequest& request, const std::string& list);

/// The token that continues `list` below creation number `before`.
std::string MakePageToken(std::int64_t before, const std::string& list);

}  // namespace cvxnn::server
