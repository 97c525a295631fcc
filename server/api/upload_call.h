// SPDX-License-Identifier: Apache-2.0
// The RPC DatasetService.CreateDataset: reads a stream of chunks into an Upload.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>

#include "cvxnn/v1/dataset_service.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Starts the call. `promised_bytes` counts the arrays of all uploads in progress and outlives them.
grpc::ServerReadReactor<v1::CreateDatasetRequest>* StartUploadCall(const Parts* parts,
                                                                   std::atomic<std::int64_t>* promised_bytes,
                                                                   grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response);

}  // namespace cvxnn::server
