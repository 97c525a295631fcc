// SPDX-License-Identifier: Apache-2.0
// Addresses that a server listens on, as flags give them.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace cvxnn::server {

struct ListenAddress {
  std::string host;  ///< as written; an IPv6 address in brackets
  int port = 0;      ///< 0 to 65535; 0 lets the system pick one
};

/// Parses "host:port". INVALID_ARGUMENT naming `flag` for anything else.
absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& address, const std::string& flag);

}  // namespace cvxnn::server
