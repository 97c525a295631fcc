// SPDX-License-Identifier: Apache-2.0
// What callers hear of a request that is no message of the contract, e.g. one with text that is not UTF-8. gRPC parses
// requests before any service sees them, and answers the failure with UNIMPLEMENTED and no message.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>

namespace cvxnn::server {

inline constexpr char kUnreadableRequest[] =
    "the request cannot be read: it is no message of this type, or a text in it is not UTF-8";

/// For ServerBuilder: turns that answer into INVALID_ARGUMENT with a message. It watches RPCs with one request; the
/// streams of requests (uploads) say it themselves.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NameUnreadableRequests();

}  // namespace cvxnn::server
