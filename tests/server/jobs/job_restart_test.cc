// SPDX-License-Identifier: Apache-2.0
// A server that starts again goes on with the same queue, and logs continue where they stopped.
#include <gmock/gmock.h>

#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;

class JobRestartTest : public JobManagerTest {};

TEST_F(JobRestartTest, PutsAJobStoppedByDrainingBackIntoTheQueue) {
  StartManager();
  trainer_.AllowEpochs(4);
  const auto running = Create(1, "request").name();
  while (manager_->Get(running)->latest().epoch() < 4) absl::SleepFor(absl::Milliseconds(1));
  const auto queued = Create(2).name();
  manager_->Drain(absl::Now());
  auto stopped = manager_->Get(running);
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(stopped->attempt(), 2);
  EXPECT_EQ(stopped->queue_position(), 0);
  trainer_.Finish();
  Restart();
  const v1::Job job = WaitForState(running, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(job.attempt(), 2);
  WaitForState(queued, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 1, 2));
  EXPECT_THAT(StatesOf(running), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING, v1::JOB_STATE_QUEUED,
                                             v1::JOB_STATE_RUNNING, v1::JOB_STATE_SUCCEEDED));
  EXPECT_EQ(job.last_sequence(), 5 + 4) << "epochs that the log has are not told twice";
  EXPECT_EQ(Create(1, "request").name(), running);
}

TEST_F(JobRestartTest, QueuesAJobAgainThatRanWhenTheServerWasKilled) {
  // As a killed server leaves it: RUNNING in the store, with epochs.
  v1::Job job = MakeJob("jobs/one");
  job.mutable_spec()->mutable_convex();
  job = StoreJob(job);
  job.set_state(v1::JOB_STATE_RUNNING);
  job.mutable_latest()->set_epoch(38);
  const JobCommit running = MakeCommit(job, {StateEvent(2, v1::JOB_STATE_RUNNING), EpochsEvent(3, 40)});
  ASSERT_TRUE(jobs_->Commit(absl::MakeConstSpan(&running, 1)).ok());
  trainer_.AllowEpochs(40);
  trainer_.Finish();
  StartManager();
  EXPECT_EQ(WaitForState("jobs/one", v1::JOB_STATE_SUCCEEDED).attempt(), 2);
  const auto log = ReadLog("jobs/one");
  // 38 epochs were logged before, two follow.
  EXPECT_EQ(log.back().sequence(), 40 + 2 + 2 + 1);
  EXPECT_EQ(log[5].metrics().epochs(0).epoch(), 39);
  EXPECT_EQ(log[3].state_change().state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(log[3].state_change().attempt(), 2);
  EXPECT_EQ(log[3].state_change().reason(), "server restarted");
}

TEST_F(JobRestartTest, GivesUpAJobThatThreeServersDidNotSurvive) {
  v1::Job job = MakeJob("jobs/one");
  job.mutable_spec()->mutable_convex();
  StoreJob(job);
  // A server that takes the job and is drained counts for nothing.
  StartManager();
  trainer_.WaitUntilStarted(1);
  StopManager();
  EXPECT_EQ(jobs_->Get("jobs/one")->lost_attempts(), 0);
  for (int lost = 1; lost <= 3; ++lost) {
    // As a killed server leaves it.
    job = *jobs_->Get("jobs/one");
    ASSERT_EQ(job.state(), v1::JOB_STATE_QUEUED);
    job.set_state(v1::JOB_STATE_RUNNING);
    const JobCommit running = MakeCommit(job, {StateEvent(job.last_sequence() + 1, v1::JOB_STATE_RUNNING)});
    ASSERT_TRUE(jobs_->Commit(absl::MakeConstSpan(&running, 1)).ok());
    StartManager();
    if (lost < 3) trainer_.WaitUntilStarted(1 + lost);
    StopManager();
    EXPECT_EQ(jobs_->Get("jobs/one")->lost_attempts(), lost);
  }
  job = *jobs_->Get("jobs/one");
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kAborted));
  EXPECT_THAT(job.error().message(), testing::HasSubstr("did not survive 3 attempts"));
  EXPECT_TRUE(job.has_end_time());
}

TEST_F(JobRestartTest, RecordsThatAStoredJobRunsBeforeItCanEndTheServer) {
  v1::Job job = MakeJob("jobs/one");
  job.mutable_spec()->mutable_convex();
  StoreJob(job);
  std::atomic<v1::JobState> when_training_began = v1::JOB_STATE_UNSPECIFIED;
  options_.log.schedule.start_delay = absl::Milliseconds(50);
  options_.trainer = [&](const auto&, const auto&, const auto&) -> absl::StatusOr<training::Result> {
    when_training_began = jobs_->Get("jobs/one")->state();
    return DirectedTrainer::MakeResult(training::Termination::kConverged, 1);
  };
  StartManager();
  WaitForState("jobs/one", v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(when_training_began, v1::JOB_STATE_RUNNING);
}

TEST_F(JobRestartTest, FailsAJobWhoseDeviceIsGone) {
  v1::Job job = MakeJob("jobs/one");
  job.mutable_spec()->mutable_convex();
  job.mutable_spec()->set_device("cuda:3");
  StoreJob(job);
  StartManager();
  const v1::Job failed = WaitForState("jobs/one", v1::JOB_STATE_FAILED);
  EXPECT_EQ(failed.error().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(failed.error().message(), testing::HasSubstr("cuda:3"));
}

TEST_F(JobRestartTest, StopsARunningJobWhenDestroyed) {
  StartManager();
  const auto name = Create().name();
  trainer_.WaitUntilStarted(1);
  StopManager();
  auto job = jobs_->Get(name);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(job->attempt(), 2);
}

}  // namespace
}  // namespace cvxnn::server
