// SPDX-License-Identifier: Apache-2.0
// Answers a unary RPC from a worker thread, so that gRPC's threads never wait for a disk or a computation.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <new>
#include <string>
#include <utility>

#include "server/api/call_log.h"
#include "server/api/status.h"
#include "server/api/worker_pool.h"

namespace cvxnn::server {

/// Runs `work`, which must not throw across this boundary by design; what escapes from a library becomes a status.
absl::Status RunGuarded(const std::function<absl::Status()>& work);

/// Starts `work` on `pool` and finishes the RPC with its status. Request and response live until then. Nothing is done
/// for a caller that went away before its turn. UNAVAILABLE when too much is waiting.
grpc::ServerUnaryReactor* AnswerFrom(WorkerPool* pool, grpc::CallbackServerContext* context, CallLog log,
                                     std::function<absl::Status()> work);

/// As AnswerFrom for work that must not hold its thread until the answer is there: it calls `done` when that is,
/// exactly once unless it throws, on any thread.
using Done = std::function<void(absl::Status)>;
grpc::ServerUnaryReactor* AnswerLater(WorkerPool* pool, grpc::CallbackServerContext* context, CallLog log,
                                      std::function<void(Done done)> work);

/// Copies `result` into `response` unless it is an error.
template <typename Result, typename Response>
absl::Status Reply(Result result, Response* response) {
  if (!result.ok()) return result.status();
  *response = *std::move(result);
  return absl::OkStatus();
}

}  // namespace cvxnn::server
