// SPDX-License-Identifier: Apache-2.0
// Collecting a stretch of a log keeps every record once and in order, however it was cut before.
#include "server/store/log_events.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace cvxnn::server {
namespace {

std::shared_ptr<const v1::WatchJobResponse> Epochs(std::int64_t first, std::int64_t last) {
  auto event = std::make_shared<v1::WatchJobResponse>();
  event->set_sequence(last);
  event->mutable_metrics()->set_first_sequence(first);
  for (std::int64_t i = first; i <= last; ++i) event->mutable_metrics()->add_epochs()->set_epoch(i);
  return event;
}

std::shared_ptr<const v1::WatchJobResponse> State(std::int64_t sequence) {
  auto event = std::make_shared<v1::WatchJobResponse>();
  event->set_sequence(sequence);
  event->mutable_state_change()->set_state(v1::JOB_STATE_RUNNING);
  return event;
}

TEST(EventCollector, CutsTheFirstAndTheLastBatch) {
  EventCollector collector(3, 4, 100);
  collector.Add(Epochs(1, 5));
  EXPECT_FALSE(collector.full());
  collector.Add(Epochs(6, 9));
  EXPECT_TRUE(collector.full());
  EXPECT_EQ(collector.last_sequence(), 7);
  const LogEvents events = collector.Take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]->metrics().first_sequence(), 4);
  EXPECT_EQ(events[0]->sequence(), 7);
  ASSERT_EQ(events[0]->metrics().epochs_size(), 4);
  EXPECT_EQ(events[0]->metrics().epochs(0).epoch(), 4);
  EXPECT_EQ(events[0]->metrics().epochs(3).epoch(), 7);
}

TEST(EventCollector, SharesAnEventThatStandsAlone) {
  const auto event = Epochs(2, 3);
  EventCollector collector(1, 10, 100);
  collector.Add(event);
  EXPECT_EQ(collector.Take().at(0).get(), event.get());
}

TEST(EventCollector, DoesNotChangeTheEventsItJoins) {
  const auto first = Epochs(1, 2);
  EventCollector collector(0, 10, 100);
  collector.Add(first);
  collector.Add(Epochs(3, 4));
  EXPECT_EQ(collector.Take().at(0)->metrics().epochs_size(), 4);
  EXPECT_EQ(first->metrics().epochs_size(), 2);
}

TEST(EventCollector, KeepsEveryRecordOnceHoweverTheLogWasCut) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    LogEvents log;
    std::int64_t length = 0;
    while (length < 60) {
      const std::int64_t size = 1 + static_cast<std::int64_t>(random() % 9);
      if (random() % 4 == 0) {
        log.push_back(State(++length));
      } else {
        log.push_back(Epochs(length + 1, length + size));
        length += size;
      }
    }
    const std::int64_t after = static_cast<std::int64_t>(random() % static_cast<unsigned>(length));
    const std::int64_t limit = 1 + static_cast<std::int64_t>(random() % 70);
    const int most = 1 + static_cast<int>(random() % 12);
    EventCollector collector(after, limit, most);
    for (const auto& event : log) collector.Add(event);
    std::int64_t next = after + 1;
    for (const auto& event : collector.Take()) {
      EXPECT_EQ(FirstSequence(*event), next);
      for (const auto& epoch : event->metrics().epochs()) EXPECT_EQ(epoch.epoch(), next++);
      if (event->has_state_change()) ++next;
      EXPECT_EQ(event->sequence(), next - 1);
    }
    EXPECT_EQ(next - 1, std::min(length, after + limit));
  }
}

TEST(EventCollector, CountsToTheLargestNumberThereIs) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  auto event = std::make_shared<v1::WatchJobResponse>();
  event->set_sequence(6);
  event->mutable_state_change();
  EventCollector everything(5, kLargest, 10);
  everything.Add(event);
  EXPECT_EQ(everything.Take().size(), 1U);
  EventCollector nothing(kLargest, 10, 10);
  EXPECT_TRUE(nothing.full());
  nothing.Add(event);
  EXPECT_TRUE(nothing.Take().empty());
}

}  // namespace
}  // namespace cvxnn::server
