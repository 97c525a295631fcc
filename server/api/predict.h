// SPDX-License-Identifier: Apache-2.0
// Predict and Evaluate: stored networks on rows that are sent or stored.
#pragma once

#include <absl/status/status.h>

#include "cvxnn/v1/model_service.pb.h"
#include "server/api/loaded_networks.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Errors as the contract says; runs on the calling thread.
absl::Status Predict(const Parts& parts, LoadedNetworks* networks, const v1::PredictRequest& request,
                     v1::PredictResponse* response);
absl::Status Evaluate(const Parts& parts, LoadedNetworks* networks, const v1::EvaluateRequest& request,
                      v1::EvaluateResponse* response);

}  // namespace cvxnn::server
