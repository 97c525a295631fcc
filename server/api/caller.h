// SPDX-License-Identifier: Apache-2.0
// Who made a call, and how much he may have.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "server/security/quota.h"

namespace cvxnn::server {

struct Parts;

/// On a server that asks nobody for a name, all callers are one, without a name.
struct Caller {
  std::string name;  ///< of the principal
  Quota quota;       ///< his own limits, and the server's where he has none
};

/// Of a call that the authenticator let pass.
Caller CallerOf(const Parts& parts, const grpc::CallbackServerContext& context);

}  // namespace cvxnn::server
