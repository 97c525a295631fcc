// SPDX-License-Identifier: Apache-2.0
// PruneModel and DecomposeModel: other networks made of stored ones, stored beside them.
#pragma once

#include <absl/status/status.h>

#include "cvxnn/v1/model_service.pb.h"
#include "server/api/loaded_networks.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// As the contract says; `response` is the new model.
absl::Status PruneModel(const Parts& parts, LoadedNetworks* networks, const v1::PruneModelRequest& request,
                        v1::Model* response);
absl::Status DecomposeModel(const Parts& parts, LoadedNetworks* networks, const v1::DecomposeModelRequest& request,
                            v1::Model* response);

}  // namespace cvxnn::server
