// SPDX-License-Identifier: Apache-2.0
// Names are called when they are due, once, in the order of their times.
#include "server/jobs/timetable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/time/clock.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;

// What was called, and a way to wait for it.
class Calls {
 public:
  void Add(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    names_.push_back(name);
  }
  std::vector<std::string> WaitFor(std::size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&] { return names_.size() >= count; };
    mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(30));
    return names_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> names_;
};

TEST(Timetable, CallsInTheOrderOfTimes) {
  Calls calls;
  Timetable timetable([&](const std::string& name) -> std::optional<absl::Time> {
    calls.Add(name);
    return std::nullopt;
  });
  const absl::Time now = absl::Now();
  timetable.Set("never", absl::InfiniteFuture());
  timetable.Set("removed", now + absl::Milliseconds(5));
  timetable.Remove("removed");
  timetable.Set("last", now + absl::Milliseconds(60));
  timetable.Set("first", now + absl::Hours(1));
  timetable.Set("first", now + absl::Milliseconds(20));
  EXPECT_THAT(calls.WaitFor(2), ElementsAre("first", "last"));
  EXPECT_GE(absl::Now(), now + absl::Milliseconds(60));
  timetable.Set("past", absl::InfinitePast());
  EXPECT_THAT(calls.WaitFor(3), ElementsAre("first", "last", "past"));
}

TEST(Timetable, CallsAgainWhenAskedTo) {
  Calls calls;
  int times = 0;
  Timetable timetable([&](const std::string& name) -> std::optional<absl::Time> {
    calls.Add(name);
    if (++times >= 3) return std::nullopt;
    return absl::Now() + absl::Milliseconds(1);
  });
  timetable.Set("a", absl::Now());
  EXPECT_EQ(calls.WaitFor(3).size(), 3U);
  timetable.Set("b", absl::Now());
  EXPECT_THAT(calls.WaitFor(4), ElementsAre("a", "a", "a", "b"));
}

TEST(Timetable, KeepsTheTimeThatTheCallItselfSet) {
  Calls calls;
  Timetable* self = nullptr;
  absl::Mutex ready;
  ready.Lock();
  Timetable timetable([&](const std::string& name) -> std::optional<absl::Time> {
    absl::MutexLock wait(&ready);
    calls.Add(name);
    if (name == "again") return std::nullopt;
    self->Set("again", absl::Now());
    self->Set(name, absl::InfiniteFuture());
    return absl::Now();
  });
  self = &timetable;
  timetable.Set("once", absl::Now());
  ready.Unlock();
  EXPECT_THAT(calls.WaitFor(2), ElementsAre("once", "again"));
  timetable.Stop();
  timetable.Set("late", absl::Now());
  EXPECT_THAT(calls.WaitFor(2), ElementsAre("once", "again"));
}

}  // namespace
}  // namespace cvxnn::server
