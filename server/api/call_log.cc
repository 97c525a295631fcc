// SPDX-License-Identifier: Apache-2.0
// The line of an ended RPC; see call_log.h.
#include "server/api/call_log.h"

#include <utility>

#include "server/api/status.h"
#include "server/log/log.h"

namespace cvxnn::server {

CallLog::CallLog(const grpc::CallbackServerContext* context, std::string method, std::string resource)
    : method_(std::move(method)), resource_(std::move(resource)), peer_(context->peer()), start_(absl::Now()) {}

void CallLog::Ended(const absl::Status& status) const {
  const bool fault = absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status);
  LogFields fields = {{"rpc", method_},
                      {"code", CodeName(status.code())},
                      {"peer", peer_},
                      {"ms", absl::ToDoubleMilliseconds(absl::Now() - start_)}};
  if (!resource_.empty()) fields.push_back({"resource", resource_});
  if (!status.ok()) fields.push_back({"error", std::string(status.message())});
  LogEvent(fault ? LogLevel::kError : LogLevel::kInfo, "rpc", fields);
}

}  // namespace cvxnn::server
