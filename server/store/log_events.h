// SPDX-License-Identifier: Apache-2.0
// A job's log in pieces. It is kept, shared and streamed as WatchJobResponse messages that each hold one change of
// state or a batch of consecutive epochs; event.sequence() is the number of the last record in it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::server {

/// state_change and metrics events in order. Shared, since many watchers send the same ones.
using LogEvents = std::vector<std::shared_ptr<const v1::WatchJobResponse>>;

/// Number of the first record of an event.
std::int64_t FirstSequence(const v1::WatchJobResponse& event);

/// Collects the records with numbers above `after`, at most `limit` of them, from events added in order. An event of
/// which all is wanted is shared as it is; small batches that follow each other are joined.
class EventCollector {
 public:
  /// `after` >= 0, `limit` >= 1; batches are joined up to `epochs_per_event` epochs.
  EventCollector(std::int64_t after, std::int64_t limit, int epochs_per_event);
  /// Adds what is wanted of an event that follows those added before.
  void Add(const std::shared_ptr<const v1::WatchJobResponse>& event);
  bool full() const { return last_ >= up_to_; }
  /// Number of the last record collected, or `after` when there is none.
  std::int64_t last_sequence() const { return last_; }
  LogEvents Take();

 private:
  void Flush();

  const std::int64_t up_to_;
  const int epochs_per_event_;
  std::int64_t last_;
  // Epochs not yet in events_: one event as it came, or several joined.
  std::shared_ptr<const v1::WatchJobResponse> alone_;
  std::shared_ptr<v1::WatchJobResponse> joining_;
  int joined_epochs_ = 0;
  LogEvents events_;
};

}  // namespace cvxnn::server
