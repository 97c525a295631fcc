// SPDX-License-Identifier: Apache-2.0
// The RPC JobService.WatchJobs.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "cvxnn/v1/job_service.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Streams the jobs that match as they are, `synchronized`, then changes, at most one per job and interval. A job that
/// ceases to match is sent once more, as it then is.
grpc::ServerWriteReactor<v1::WatchJobsResponse>* StartWatchJobs(const Parts* parts,
                                                                grpc::CallbackServerContext* context,
                                                                const v1::WatchJobsRequest* request);

}  // namespace cvxnn::server
