// SPDX-License-Identifier: Apache-2.0
// RPCs counted under the names of go-grpc-prometheus, which dashboards for gRPC servers know:
// grpc_server_started_total, grpc_server_handled_total (by grpc_code), grpc_server_msg_received_total,
// grpc_server_msg_sent_total, and the histogram grpc_server_handling_seconds, each by grpc_type, grpc_service and
// grpc_method.
#pragma once

#include <grpcpp/support/server_interceptor.h>
#include <prometheus/registry.h>

#include <memory>

namespace cvxnn::server {

/// For ServerBuilder. An RPC is handled when its status is sent, or, with code Canceled, when it is gone without one.
/// Services of names that the program does not have are counted together, as "unknown".
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CountRpcs(prometheus::Registry* registry);

}  // namespace cvxnn::server
