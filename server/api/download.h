// SPDX-License-Identifier: Apache-2.0
// The RPC ModelService.DownloadModel.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "cvxnn/v1/model_service.pb.h"
#include "server/api/made_files.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Streams the weights in the format asked for, from the offset asked for. `made_files` outlives the call.
grpc::ServerWriteReactor<v1::DownloadModelResponse>* StartDownload(const Parts* parts, MadeFiles* made_files,
                                                                   grpc::CallbackServerContext* context,
                                                                   const v1::DownloadModelRequest* request);

}  // namespace cvxnn::server
