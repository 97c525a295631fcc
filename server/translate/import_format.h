// SPDX-License-Identifier: Apache-2.0
// ImportDatasetRequest as the options of core's readers.
#pragma once

#include <string>

#include "core/data/reader.h"
#include "cvxnn/v1/dataset_service.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Format and its options; the paths are the request's, still relative to the import root. A .npz or .npy file is told
/// apart by its ending. What is wrong is recorded.
data::ReadOptions ImportFromProto(const v1::ImportDatasetRequest& request, Violations* violations);

}  // namespace cvxnn::server
