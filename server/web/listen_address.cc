// SPDX-License-Identifier: Apache-2.0
// See listen_address.h.
#include "server/web/listen_address.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cvxnn::server {

absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& address, const std::string& flag) {
  constexpr int kMaxPort = 65535;
  const auto colon = address.rfind(':');
  ListenAddress parsed;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &parsed.port) ||
      parsed.port < 0 || parsed.port > kMaxPort) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " = \"", address, "\": must be host:port with a port of 0 to ", kMaxPort));
  }
  parsed.host = address.substr(0, colon);
  return parsed;
}

}  // namespace cvxnn::server
