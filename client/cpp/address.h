// SPDX-License-Identifier: Apache-2.0
// What an address says about where the server is.
#pragma once

#include <string>

namespace cvxnn::client {

/// Whether a target of gRPC ("host", "host:port", "[IPv6]:port", "unix:PATH", with or without the scheme dns:, ipv4: or
/// ipv6:) names this machine itself: localhost, 127.0.0.0/8, ::1 or a socket file. Names are not looked up.
bool IsLoopback(const std::string& address);

}  // namespace cvxnn::client
