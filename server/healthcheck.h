// SPDX-License-Identifier: Apache-2.0
// Asks a running server whether it serves: what a container's health check runs.
#pragma once

#include <absl/status/status.h>

#include <string>

namespace cvxnn::server {

/// OK when grpc.health.v1.Health at `address` answers SERVING within three seconds.
absl::Status CheckHealth(const std::string& address);

}  // namespace cvxnn::server
