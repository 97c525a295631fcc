// SPDX-License-Identifier: Apache-2.0
// Asks a running server whether it serves: what a container's health check runs.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "server/security/security.h"

namespace cvxnn::server {

/// OK when grpc.health.v1.Health at `address` answers SERVING within three seconds; over TLS, with the server's own
/// certificate, where `security` names one.
absl::Status CheckHealth(const std::string& address, const SecurityOptions& security = {});

}  // namespace cvxnn::server
