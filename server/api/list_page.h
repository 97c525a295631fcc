// SPDX-License-Identifier: Apache-2.0
// Pages whose answers fit into one gRPC message of default size, however large the items are.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "server/store/page.h"

namespace cvxnn::server {

/// Most bytes of items on one page.
inline constexpr std::size_t kMostPageBytes = std::size_t{3} << 20;

/// Calls `list` with the request and, while the items of the page are too many bytes, again with half as many.
template <typename List>
auto ListWithinMessage(std::int32_t page_size, const std::string& page_token, const List& list) {
  PageRequest request{page_size, page_token};
  for (;;) {
    auto page = list(request);
    if (!page.ok()) return page;
    std::size_t bytes = 0;
    for (const auto& item : page->items) bytes += item.ByteSizeLong() + 8;
    if (bytes <= kMostPageBytes || page->items.size() <= 1) return page;
    request.size = static_cast<std::int32_t>(page->items.size() / 2);
  }
}

}  // namespace cvxnn::server
