// SPDX-License-Identifier: Apache-2.0
// What all copies of a client share, and the one way in which unary calls are made. Not for users of the library.
#pragma once

#include <grpcpp/client_context.h>

#include <memory>

#include "client/cpp/client.h"
#include "client/cpp/status.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "cvxnn/v1/job_service.grpc.pb.h"
#include "cvxnn/v1/model_service.grpc.pb.h"
#include "cvxnn/v1/server_service.grpc.pb.h"

namespace cvxnn::client {

struct Client::State {
  State(std::shared_ptr<grpc::Channel> shared_channel, ConnectOptions connect_options);

  std::shared_ptr<grpc::Channel> channel;
  ConnectOptions options;
  std::unique_ptr<v1::DatasetService::Stub> datasets;
  std::unique_ptr<v1::JobService::Stub> jobs;
  std::unique_ptr<v1::ModelService::Stub> models;
  std::unique_ptr<v1::ServerService::Stub> server;
};

/// Whether a call may be sent again after UNAVAILABLE.
enum class Repeatable { kNo, kYes };

/// Calls `method` of `stub` within `timeout`, and again after UNAVAILABLE where that is safe.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallUnary(const ConnectOptions& options, absl::Duration timeout, Repeatable repeatable,
                                   Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                   const Request& request) {
  RetryPolicy policy = options.retry;
  if (repeatable == Repeatable::kNo) policy.max_attempts = 1;
  const absl::Time deadline = absl::Now() + timeout;
  Response response;
  const absl::Status status = RetryUnary(policy, options.timing, std::stop_token(), [&](int) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    return ToAbslStatus((stub.*method)(&context, request, &response));
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace cvxnn::client
