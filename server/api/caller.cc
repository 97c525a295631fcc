// SPDX-License-Identifier: Apache-2.0
// See caller.h.
#include "server/api/caller.h"

#include "server/api/parts.h"

namespace cvxnn::server {

Caller CallerOf(const Parts& parts, const grpc::CallbackServerContext& context) {
  if (parts.authenticator == nullptr) return {"", parts.quota};
  auto principal = parts.authenticator->CallerOf(context);
  // His token was withdrawn a moment ago.
  if (!principal.ok()) return {"unknown", parts.quota};
  return {std::move(principal->name), principal->quota.Or(parts.quota)};
}

}  // namespace cvxnn::server
