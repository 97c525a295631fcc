// SPDX-License-Identifier: Apache-2.0
// Takes a target apart: scheme, host, port.
#include "client/cpp/address.h"

#include <absl/strings/match.h>
#include <absl/strings/strip.h>
#include <arpa/inet.h>

#include <cstdint>

namespace cvxnn::client {
namespace {

/// "dns:///localhost:80" -> "localhost:80".
absl::string_view WithoutScheme(absl::string_view address) {
  for (const char* scheme : {"dns:", "ipv4:", "ipv6:"}) {
    if (!absl::ConsumePrefix(&address, scheme)) continue;
    if (absl::ConsumePrefix(&address, "//")) {  // an authority, mostly empty, then a slash
      const auto slash = address.find('/');
      address.remove_prefix(slash == absl::string_view::npos ? address.size() : slash + 1);
    }
    break;
  }
  return address;
}

/// The host of "host", "host:port", "[::1]", "[::1]:port" and of a bare IPv6 address.
std::string Host(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "[")) return std::string(address.substr(0, address.find(']')));
  const auto colon = address.find(':');
  if (colon != address.rfind(':')) return std::string(address);
  return std::string(address.substr(0, colon));
}

}  // namespace

bool IsLoopback(const std::string& address) {
  if (absl::StartsWith(address, "unix:") || absl::StartsWith(address, "unix-abstract:")) return true;
  const std::string host = Host(WithoutScheme(address));
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace cvxnn::client
