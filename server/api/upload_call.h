// SPDX-License-Identifier: Apache-2.0
// The RPC DatasetService.CreateDataset: reads a stream of chunks into an Upload.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "cvxnn/v1/dataset_service.pb.h"
#include "server/api/parts.h"
#include "server/api/upload_sessions.h"

namespace cvxnn::server {

/// Starts the call. `sessions` outlives it.
grpc::ServerReadReactor<v1::CreateDatasetRequest>* StartUploadCall(const Parts* parts, UploadSessions* sessions,
                                                                   grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response);

}  // namespace cvxnn::server
