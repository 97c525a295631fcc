// SPDX-License-Identifier: Apache-2.0
// Numbers over everything that is stored, for monitoring.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "cvxnn/v1/job.pb.h"
#include "server/store/database.h"

namespace cvxnn::server {

struct Totals {
  std::map<v1::JobState, std::int64_t> jobs;  ///< by state; states without a job are absent
  std::int64_t dataset_bytes = 0;             ///< of the arrays of all data sets
  std::int64_t model_bytes = 0;               ///< of the weights of all models, snapshots included
};

/// Of one consistent state of the database.
absl::StatusOr<Totals> ReadTotals(const Database& database);

/// Bytes of the data sets of a creator, and of the models of his jobs.
absl::StatusOr<std::int64_t> ReadBytesOf(const Database& database, const std::string& creator);

}  // namespace cvxnn::server
