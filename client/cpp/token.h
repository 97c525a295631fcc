// SPDX-License-Identifier: Apache-2.0
// Shows a bearer token with every call of a channel.
#pragma once

#include <grpcpp/support/client_interceptor.h>

#include <memory>
#include <string>
#include <vector>

namespace cvxnn::client {

/// For grpc::experimental::CreateCustomChannelWithInterceptors; none for an empty token. gRPC's own call credentials
/// cannot be used: they refuse plain text, which is how a server on the same machine is reached.
std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> ShowToken(const std::string& token);

}  // namespace cvxnn::client
