// SPDX-License-Identifier: Apache-2.0
// Drops what is known, refuses holes.
#include "client/cpp/log_cursor.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace cvxnn::client {

absl::Status LogCursor::Hole(std::int64_t found) {
  constexpr int kMostHoles = 3;
  const std::string message = absl::StrCat("the log goes from record ", last_, " to ", found);
  return ++holes_ < kMostHoles ? absl::UnavailableError(message) : absl::DataLossError(message);
}

absl::StatusOr<StreamStep> LogCursor::Accept(v1::WatchJobResponse& response) {
  switch (response.event_case()) {
    case v1::WatchJobResponse::kStateChange:
      if (response.sequence() <= last_) return StreamStep::kAlive;
      if (response.sequence() > last_ + 1) return Hole(response.sequence());
      break;
    case v1::WatchJobResponse::kMetrics: {
      v1::MetricsBatch& batch = *response.mutable_metrics();
      if (batch.epochs().empty()) return StreamStep::kAlive;
      if (batch.first_sequence() > last_ + 1) return Hole(batch.first_sequence());
      const std::int64_t known = std::min<std::int64_t>(last_ + 1 - batch.first_sequence(), batch.epochs_size());
      batch.mutable_epochs()->DeleteSubrange(0, static_cast<int>(known));
      batch.set_first_sequence(batch.first_sequence() + known);
      if (batch.epochs().empty()) return StreamStep::kAlive;
      response.set_sequence(batch.first_sequence() + batch.epochs_size() - 1);
      break;
    }
    case v1::WatchJobResponse::kSkipped:
      if (response.sequence() <= last_) return StreamStep::kAlive;
      if (response.skipped().first_sequence() > last_ + 1) return Hole(response.skipped().first_sequence());
      break;
    case v1::WatchJobResponse::kEnd:
      if (response.sequence() > last_) return Hole(response.sequence() + 1);
      return StreamStep::kDone;
    case v1::WatchJobResponse::kHeartbeat:
      if (response.sequence() > last_) return Hole(response.sequence() + 1);
      return StreamStep::kAlive;
    case v1::WatchJobResponse::EVENT_NOT_SET:  // an event of a later version of the contract, of one record or several
      if (response.sequence() <= last_) return StreamStep::kAlive;
      break;
  }
  last_ = response.sequence();
  holes_ = 0;
  return StreamStep::kProgress;
}

}  // namespace cvxnn::client
