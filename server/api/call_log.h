// SPDX-License-Identifier: Apache-2.0
// One log line for every RPC that ended: which, from where, how, and how long it took; and one more, which is kept
// whatever the level is, for every RPC that changes something.
#pragma once

#include <absl/status/status.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "server/api/caller.h"

namespace cvxnn::server {

/// Made when the RPC starts. Copyable.
class CallLog {
 public:
  /// `method` is e.g. "JobService.GetJob"; `resource` the name the call is about, or empty.
  CallLog(const Parts& parts, const grpc::CallbackServerContext* context, std::string method,
          std::string resource = "");

  const Caller& caller() const { return caller_; }
  /// Names what the call has made. Copies made before tell of it too.
  void About(const std::string& resource) const { *resource_ = resource; }

  /// Writes the line; call once. Expected refusals are info, faults of the server (INTERNAL, DATA_LOSS, UNKNOWN)
  /// errors.
  void Ended(const absl::Status& status) const;

 private:
  std::string method_;
  std::shared_ptr<std::string> resource_;
  std::string peer_;
  Caller caller_;
  absl::Time start_;
};

}  // namespace cvxnn::server
