// SPDX-License-Identifier: Apache-2.0
// Cutting and joining events of a job's log.
#include "server/store/log_events.h"

#include <algorithm>
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
    : up_to_(after + limit), epochs_per_event_(epochs_per_event), last_(after) {}

void EventCollector::Add(const std::shared_ptr<const v1::WatchJobResponse>& event) {
  const std::int64_t first = std::max(FirstSequence(*event), last_ + 1);
  const std::int64_t last = std::min(event->sequence(), up_to_);
  if (first > last) return;
  last_ = last;
  const bool whole = first == FirstSequence(*event) && last == event->sequence();
  if (!event->has_metrics() || (whole && event->metrics().epochs_size() * 2 > epochs_per_event_)) {
    Flush();
    events_.push_back(event);
    return;
  }
  const v1::MetricsBatch& batch = event->metrics();
  const int begin = static_cast<int>(first - batch.first_sequence());
  const int end = static_cast<int>(last - batch.first_sequence()) + 1;
  if (joining_ != nullptr && joining_->metrics().epochs_size() + end - begin > epochs_per_event_) Flush();
  if (joining_ == nullptr) joining_ = std::make_shared<v1::WatchJobResponse>();
  AddEpochs(batch, begin, end, joining_.get());
}

void EventCollector::Flush() {
  if (joining_ != nullptr) events_.push_back(std::move(joining_));
  joining_ = nullptr;
}

LogEvents EventCollector::Take() {
  Flush();
  return std::move(events_);
}

}  // namespace cvxnn::server
