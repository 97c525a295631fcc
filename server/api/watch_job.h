// SPDX-License-Identifier: Apache-2.0
// The RPC JobService.WatchJob.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "cvxnn/v1/job_service.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Streams a job's log. History comes from the store and the newest records from memory, in the events that all
/// watchers share.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartWatchJob(const Parts* parts, grpc::CallbackServerContext* context,
                                                          const v1::WatchJobRequest* request);

}  // namespace cvxnn::server
