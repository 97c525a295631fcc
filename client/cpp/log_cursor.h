// SPDX-License-Identifier: Apache-2.0
// Where the reader of a job's log stands, and what a message means from there: whatever the connection does, each
// record is passed on once.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "client/cpp/resumable_stream.h"
#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::client {

/// Not thread-safe.
class LogCursor {
 public:
  explicit LogCursor(std::int64_t after_sequence) : last_(after_sequence) {}

  /// Sequence number of the last record passed on: what to resume after.
  std::int64_t last() const { return last_; }

  /// Takes records that were seen already out of `response` and moves on behind it. kAlive: nothing new (a heartbeat,
  /// or only known records). An event that this version of the contract does not know is taken at its word: it
  /// counts for all records up to its sequence number. kDone: the end of the log. UNAVAILABLE when records are missing
  /// in between: reading again from last() may bring them; DATA_LOSS when that did not help several times.
  absl::StatusOr<StreamStep> Accept(v1::WatchJobResponse& response);

 private:
  absl::Status Hole(std::int64_t found);

  std::int64_t last_;
  int holes_ = 0;  ///< in a row
};

}  // namespace cvxnn::client
