// SPDX-License-Identifier: Apache-2.0
// Weights of one job to the store, with what every model of a job says of it and of its data set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cvxnn/v1/job.pb.h"
#include "server/devices/resident_datasets.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// Not thread-safe. `store` outlives it.
class ModelWriter {
 public:
  ModelWriter(ModelStore* store, const v1::Job& job, const ResidentDatasets::Resident& dataset);

  /// Writes and syncs the weights of all in one file; their metadata are completed.
  absl::StatusOr<std::vector<WrittenModel>> Write(std::vector<ModelStore::Unwritten> models);

 private:
  ModelStore* const store_;
  v1::Model common_;
  std::shared_ptr<const std::string> description_;  // null: too large to be kept
};

}  // namespace cvxnn::server
