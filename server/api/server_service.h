// SPDX-License-Identifier: Apache-2.0
// ServerService of the contract: what this server is and can do.
#pragma once

#include "cvxnn/v1/server_service.grpc.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Thread-safe. `parts` outlives the service.
class ServerService final : public v1::ServerService::CallbackService {
 public:
  explicit ServerService(const Parts* parts) : parts_(*parts) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context, const v1::GetServerInfoRequest* request,
                                          v1::ServerInfo* response) override;

 private:
  const Parts& parts_;
};

}  // namespace cvxnn::server
