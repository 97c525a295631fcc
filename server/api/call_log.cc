// SPDX-License-Identifier: Apache-2.0
// The line of an ended RPC; see call_log.h.
#include "server/api/call_log.h"

#include <absl/strings/str_replace.h>

#include <utility>

#include "server/api/status.h"
#include "server/log/log.h"
#include "server/security/role.h"

namespace cvxnn::server {

CallLog::CallLog(const Parts& parts, const grpc::CallbackServerContext* context, std::string method,
                 std::string resource)
    : method_(std::move(method)),
      resource_(std::make_shared<std::string>(std::move(resource))),
      peer_(context->peer()),
      caller_(CallerOf(parts, *context)),
      start_(absl::Now()) {}

void CallLog::Ended(const absl::Status& status) const {
  const bool fault = absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status);
  LogFields fields = {{"rpc", method_},
                      {"code", CodeName(status.code())},
                      {"peer", peer_},
                      {"ms", absl::ToDoubleMilliseconds(absl::Now() - start_)}};
  if (!caller_.name.empty()) fields.push_back({"principal", caller_.name});
  if (!resource_->empty()) fields.push_back({"resource", *resource_});
  if (!status.ok()) fields.push_back({"error", std::string(status.message())});
  LogEvent(fault ? LogLevel::kError : LogLevel::kInfo, "rpc", fields);
  const std::string path = "/cvxnn.v1." + absl::StrReplaceAll(method_, {{".", "/"}});
  if (RequiredRole(path) == Role::kReader) return;
  LogFields more = {{"peer", peer_}};
  if (!status.ok()) more.push_back({"error", std::string(status.message())});
  LogAudit(caller_.name, method_, *resource_, CodeName(status.code()), std::move(more));
}

}  // namespace cvxnn::server
