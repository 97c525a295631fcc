// SPDX-License-Identifier: Apache-2.0
// Cutting and joining events of a job's log.
#include "server/store/log_events.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace cvxnn::server {
namespace {

// Adds epochs [first, last) of `batch` to the end of `response`.
void AddEpochs(const v1::MetricsBatch& batch, int first, int last, v1::WatchJobResponse* response) {
  v1::MetricsBatch* metrics = response->mutable_metrics();
  if (metrics->epochs().empty()) metrics->set_first_sequence(batch.first_sequence() + first);
  metrics->mutable_epochs()->Reserve(metrics->epochs_size() + last - first);
  for (int i = first; i < last; ++i) *metrics->add_epochs() = batch.epochs(i);
  response->set_sequence(batch.first_sequence() + last - 1);
}

}  // namespace

std::int64_t FirstSequence(const v1::WatchJobResponse& event) {
  return event.has_metrics() ? event.metrics().first_sequence() : event.sequence();
}

EventCollector::EventCollector(std::int64_t after, std::int64_t limit, int epochs_per_event)
    // Without a sum that could overflow.
    : up_to_(limit > std::numeric_limits<std::int64_t>::max() - after ? std::numeric_limits<std::int64_t>::max()
                                                                      : after + limit),
      epochs_per_event_(epochs_per_event),
      last_(after) {}

void EventCollector::Add(const std::shared_ptr<const v1::WatchJobResponse>& event) {
  if (full()) return;
  const std::int64_t first = std::max(FirstSequence(*event), last_ + 1);
  const std::int64_t last = std::min(event->sequence(), up_to_);
  if (first > last) return;
  last_ = last;
  const bool whole = first == FirstSequence(*event) && last == event->sequence();
  if (!event->has_metrics()) {
    Flush();
    events_.push_back(event);
    return;
  }
  const int wanted = static_cast<int>(last - first) + 1;
  if (joined_epochs_ + wanted > epochs_per_event_) Flush();
  joined_epochs_ += wanted;
  if (whole && joined_epochs_ == wanted) {
    // Alone so far: shared as it is unless another one joins it.
    alone_ = event;
    return;
  }
  if (alone_ != nullptr) joining_ = std::make_shared<v1::WatchJobResponse>(*std::exchange(alone_, nullptr));
  if (joining_ == nullptr) joining_ = std::make_shared<v1::WatchJobResponse>();
  const std::int64_t batch_first = event->metrics().first_sequence();
  AddEpochs(event->metrics(), static_cast<int>(first - batch_first), static_cast<int>(last - batch_first) + 1,
            joining_.get());
}

void EventCollector::Flush() {
  if (alone_ != nullptr) events_.push_back(std::exchange(alone_, nullptr));
  if (joining_ != nullptr) events_.push_back(std::exchange(joining_, nullptr));
  joined_epochs_ = 0;
}

LogEvents EventCollector::Take() {
  Flush();
  return std::move(events_);
}

}  // namespace cvxnn::server
