// SPDX-License-Identifier: Apache-2.0
// CheckOptimality: a certificate for any network.
#pragma once

#include <absl/status/status.h>

#include "cvxnn/v1/model_service.pb.h"
#include "server/api/loaded_networks.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// As the contract says.
absl::Status CheckOptimality(const Parts& parts, LoadedNetworks* networks, const v1::CheckOptimalityRequest& request,
                             v1::CheckOptimalityResponse* response);

}  // namespace cvxnn::server
