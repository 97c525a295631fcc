// SPDX-License-Identifier: Apache-2.0
// The standard health check, grpc.health.v1.Health/Check.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace cvxnn::client {

/// Whether the server answers SERVING for `service` ("" is the server as a whole). NOT_FOUND: no such service.
absl::StatusOr<bool> CheckServingStatus(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                                        absl::Time deadline);

}  // namespace cvxnn::client
