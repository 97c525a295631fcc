// SPDX-License-Identifier: Apache-2.0
// The last step of every way in which a data set comes to be.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "core/data/dataset.h"
#include "cvxnn/v1/dataset.pb.h"
#include "server/api/call_log.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Stores a valid data set as "datasets/{id}" (a picked id when empty) and keeps it in memory for the first job.
/// `staged`: the files of these very arrays, where writing them has begun. ALREADY_EXISTS; RESOURCE_EXHAUSTED above the
/// limit or the caller's quota or when the disk is full. `log` is told its name. `upload`: see
/// DatasetStore::Create.
absl::StatusOr<v1::Dataset> StoreDataset(const Parts& parts, const CallLog& log, const std::string& id,
                                         const std::string& display_name, data::Dataset dataset,
                                         std::unique_ptr<StagedArrays> staged = nullptr, const UploadKey& upload = {});

}  // namespace cvxnn::server
