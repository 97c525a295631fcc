// SPDX-License-Identifier: Apache-2.0
// Priorities in the queue, and what a deadline does to jobs that wait, train and are paused.
#include <gmock/gmock.h>

#include "server/store/clock.h"
#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DeadlineTest : public JobManagerTest {
 protected:
  v1::Job CreateWith(std::uint64_t seed, std::int32_t priority, absl::Time deadline = absl::InfiniteFuture()) {
    v1::Job asked = Asked(seed);
    asked.set_priority(priority);
    if (deadline < absl::InfiniteFuture()) *asked.mutable_deadline() = ToProto(deadline);
    auto job = manager_->Create(asked, "");
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }
  static void ExpectMissed(const v1::Job& job, const std::string& state) {
    EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));
    EXPECT_THAT(job.error().message(), HasSubstr("passed while it was " + state));
    EXPECT_TRUE(job.has_end_time());
  }
};

TEST_F(DeadlineTest, JobsOfHigherPriorityGoFirst) {
  StartManager();
  CreateWith(1, 0);
  trainer_.WaitUntilStarted(1);
  const auto low = CreateWith(2, -1).name();
  const auto usual = CreateWith(3, 0).name();
  const auto first = CreateWith(4, 10);
  EXPECT_EQ(first.priority(), 10);
  EXPECT_EQ(first.queue_position(), 0);
  const auto second = CreateWith(5, 10).name();
  EXPECT_EQ(manager_->Get(low)->queue_position(), 3);
  const auto listed = manager_->List({}, {});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->items[0].name(), second);
  EXPECT_EQ(listed->items[0].queue_position(), 1);
  trainer_.Finish();
  WaitForState(low, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 4, 5, 3, 2));
}

TEST_F(DeadlineTest, PrioritiesHoldAfterARestart) {
  StartManager();
  CreateWith(1, 0);
  trainer_.WaitUntilStarted(1);
  const auto usual = CreateWith(2, 0).name();
  CreateWith(3, 5);
  StopManager();
  trainer_.Finish();
  Restart();
  WaitForState(usual, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 3, 1, 2));
}

TEST_F(DeadlineTest, EndsAJobThatWaits) {
  StartManager();
  CreateWith(1, 0);
  trainer_.WaitUntilStarted(1);
  const auto late = CreateWith(2, 0, absl::Now() + absl::Milliseconds(20)).name();
  ExpectMissed(WaitForState(late, v1::JOB_STATE_FAILED), "queued");
  EXPECT_THAT(StatesOf(late), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_FAILED));
  trainer_.Finish();
  WaitForState(Create(3).name(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 3));
}

TEST_F(DeadlineTest, EndsAJobThatTrainsAndKeepsItsModel) {
  StartManager();
  trainer_.AllowEpochs(3);
  const auto name = CreateWith(1, 0, absl::Now() + absl::Milliseconds(200)).name();
  const v1::Job job = WaitForState(name, v1::JOB_STATE_FAILED);
  ExpectMissed(job, "running");
  EXPECT_EQ(job.latest().epoch(), 3);
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_STOPPED);
  EXPECT_TRUE(models_->Load(job.result().best_model()).ok());
  EXPECT_TRUE(absl::IsNotFound(checkpoints_->Read(name).status()));
}

TEST_F(DeadlineTest, EndsAPausedJob) {
  StartManager();
  const auto name = CreateWith(1, 0, absl::Now() + absl::Seconds(1)).name();
  trainer_.WaitUntilStarted(1);
  manager_->Pause(name, [](const absl::StatusOr<v1::Job>&) {});
  WaitForState(name, v1::JOB_STATE_PAUSED);
  ExpectMissed(WaitForState(name, v1::JOB_STATE_FAILED), "paused");
}

TEST_F(DeadlineTest, CountsWhileTheServerIsAway) {
  StartManager();
  CreateWith(1, 0);
  trainer_.WaitUntilStarted(1);
  const absl::Time deadline = absl::Now() + absl::Milliseconds(300);
  const auto name = CreateWith(2, 0, deadline).name();
  StopManager();
  absl::SleepFor(deadline - absl::Now());
  Restart();
  ExpectMissed(WaitForState(name, v1::JOB_STATE_FAILED), "queued");
}

TEST_F(DeadlineTest, LeavesAJobThatEndedInTime) {
  StartManager();
  trainer_.AllowEpochs(1);
  trainer_.Finish();
  const absl::Time deadline = absl::Now() + absl::Seconds(2);
  const auto name = CreateWith(1, 0, deadline).name();
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  absl::SleepFor(deadline - absl::Now() + absl::Milliseconds(50));
  EXPECT_EQ(manager_->Get(name)->state(), v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace cvxnn::server
