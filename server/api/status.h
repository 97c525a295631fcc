// SPDX-License-Identifier: Apache-2.0
// absl::Status as gRPC's status with google.rpc details.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

namespace cvxnn::server {

/// Same code and message. Details (google.rpc.Status in the trailer grpc-status-details-bin) come from the payloads of
/// `status` and, where it has none of the kind, from its message: BadRequest for INVALID_ARGUMENT that names a field
/// ("field = value: …"), ResourceInfo for NOT_FOUND and ALREADY_EXISTS that name a resource ("jobs/x: …"),
/// PreconditionFailure for FAILED_PRECONDITION.
grpc::Status ToGrpcStatus(const absl::Status& status);

/// `status` with a RetryInfo: the caller should wait that long before it tries again.
absl::Status WithRetryDelay(absl::Status status, std::int64_t seconds);

/// What every RPC answers when the server has more to do than it lets wait: UNAVAILABLE with a RetryInfo. Nothing was
/// begun, so clients send the same again.
absl::Status TooManyWaiting();

/// "INVALID_ARGUMENT", … as gRPC's documentation writes it.
std::string CodeName(absl::StatusCode code);

}  // namespace cvxnn::server
