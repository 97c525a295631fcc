// SPDX-License-Identifier: Apache-2.0
// From gRPC's status to absl::Status. The codes are equal; the details that the server attached (google.rpc.Status in
// the trailer grpc-status-details-bin) are kept as payloads, so nothing the server said is lost on the way.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

#include <string>
#include <vector>

namespace cvxnn::client {

/// Same code and message; every detail becomes a payload under its type URL (of several with one type the first).
absl::Status ToAbslStatus(const grpc::Status& status);

/// One field of the request that the server refused (google.rpc.BadRequest).
struct FieldViolation {
  std::string field;        ///< path, e.g. "job.spec.convex.patterns.sampled.count"
  std::string description;  ///< what is wrong and what is allowed
};

/// Every refused field, in the server's order; empty where the status carries none.
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

/// What the details say, one line each, for people: refused fields, the resource that is missing, quotas, what must
/// happen first. Lines that repeat the message are left out.
std::vector<std::string> DetailLines(const absl::Status& status);

}  // namespace cvxnn::client
