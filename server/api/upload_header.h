// SPDX-License-Identifier: Apache-2.0
// What the header of an upload may promise.
#pragma once

#include "cvxnn/v1/dataset_service.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Whether multiclass targets come as one column of class indices.
bool HasClassIndices(const v1::CreateDatasetHeader& header);

/// Records everything that is wrong with a header; transforms are checked where they are translated, and the size of
/// all arrays together is the caller's to check.
void CheckUploadHeader(const v1::CreateDatasetHeader& header, Violations* violations);

}  // namespace cvxnn::server
