// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/commit_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class CommitScheduleTest : public testing::Test {
 protected:
  static std::shared_ptr<LiveLog> Log(const std::string& name) {
    v1::Job job;
    job.set_name(name);
    return std::make_shared<LiveLog>(job, 0, LogLimits(), [](LiveLog*, Urgency) {});
  }
  absl::Time At(int milliseconds) const { return start_ + absl::Milliseconds(milliseconds); }
  std::vector<std::string> TakeAt(int milliseconds) {
    std::vector<std::string> names;
    for (const auto& log : schedule_.Take(At(milliseconds))) names.push_back(log->name());
    return names;
  }

  const absl::Time start_ = absl::UnixEpoch();
  CommitSchedule schedule_{{.commit_interval = absl::Milliseconds(50),
                            .interval_per_watcher = absl::Milliseconds(1),
                            .longest_interval = absl::Milliseconds(500),
                            .start_delay = absl::Milliseconds(3)}};
  const std::shared_ptr<LiveLog> a_ = Log("a"), b_ = Log("b");
};

TEST_F(CommitScheduleTest, TakesTheFirstEpochsAtOnceAndTheNextAfterAnInterval) {
  schedule_.Add(a_, Urgency::kPrompt, At(0));
  EXPECT_LE(schedule_.due(), At(0));
  EXPECT_THAT(TakeAt(0), ElementsAre("a"));
  EXPECT_TRUE(schedule_.empty());
  schedule_.NoteCommit("a", 0, At(1));
  schedule_.Add(a_, Urgency::kPrompt, At(2));
  EXPECT_EQ(schedule_.due(), At(51));
  EXPECT_THAT(TakeAt(50), IsEmpty());
  EXPECT_THAT(TakeAt(51), ElementsAre("a"));
}

TEST_F(CommitScheduleTest, LetsLogsShareACommit) {
  schedule_.NoteCommit("a", 0, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  schedule_.Add(b_, Urgency::kPrompt, At(40));
  EXPECT_THAT(TakeAt(50), UnorderedElementsAre("a", "b"));
}

TEST_F(CommitScheduleTest, TakesChangesOfStateAtOnceAndWithThemEpochsThatNobodyWatches) {
  schedule_.NoteCommit("a", 0, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  schedule_.Add(b_, Urgency::kNow, At(2));
  EXPECT_LE(schedule_.due(), At(2));
  EXPECT_THAT(TakeAt(2), UnorderedElementsAre("a", "b"));
}

TEST_F(CommitScheduleTest, LeavesWatchedEpochsWhenStatesOfOthersChange) {
  schedule_.NoteCommit("a", 1, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  schedule_.Add(b_, Urgency::kNow, At(2));
  EXPECT_THAT(TakeAt(2), ElementsAre("b"));
  EXPECT_EQ(schedule_.due(), At(50));
}

TEST_F(CommitScheduleTest, SpacesWatchedLogsTheMoreTheMoreOfThemThereAre) {
  schedule_.NoteCommit("a", 100, At(0));
  schedule_.NoteCommit("b", 100, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  EXPECT_EQ(schedule_.due(), At(100));
  EXPECT_THAT(TakeAt(100), ElementsAre("a"));
  schedule_.NoteCommit("a", 100, At(100));
  schedule_.Add(a_, Urgency::kPrompt, At(101));
  EXPECT_EQ(schedule_.due(), At(300));
}

TEST_F(CommitScheduleTest, TakesALogThatBecameUrgentAndNoLessUrgentAgain) {
  schedule_.NoteCommit("a", 0, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  schedule_.Add(a_, Urgency::kNow, At(2));
  schedule_.Add(a_, Urgency::kPrompt, At(3));
  EXPECT_THAT(TakeAt(3), ElementsAre("a"));
}

TEST_F(CommitScheduleTest, LetsTheStartOfAJobWaitForItsFirstEpochs) {
  schedule_.Add(a_, Urgency::kSoon, At(10));
  EXPECT_EQ(schedule_.due(), At(13));
  schedule_.Add(a_, Urgency::kPrompt, At(11));
  EXPECT_THAT(TakeAt(11), ElementsAre("a"));
}

TEST_F(CommitScheduleTest, SpacesWatchedLogsMoreAndOthersNot) {
  schedule_.NoteCommit("a", 200, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  schedule_.Add(b_, Urgency::kPrompt, At(1));
  EXPECT_THAT(TakeAt(50), ElementsAre("b"));
  EXPECT_EQ(schedule_.due(), At(200));
  EXPECT_THAT(TakeAt(200), ElementsAre("a"));
}

TEST_F(CommitScheduleTest, BoundsTheIntervalOfManyWatchers) {
  schedule_.NoteCommit("a", 100'000, At(0));
  schedule_.Add(a_, Urgency::kPrompt, At(1));
  EXPECT_EQ(schedule_.due(), At(500));
}

TEST_F(CommitScheduleTest, ForgetsLogsThatEnded) {
  schedule_.NoteCommit("a", 400, At(0));
  schedule_.Forget("a");
  schedule_.Add(a_, Urgency::kPrompt, At(60));
  EXPECT_LE(schedule_.due(), At(60));
}

}  // namespace
}  // namespace cvxnn::server
