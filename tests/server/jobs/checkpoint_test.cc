// SPDX-License-Identifier: Apache-2.0
// Jobs go on from their checkpoints, after restarts and pauses, without a hole or a repeat in their logs.
#include <gmock/gmock.h>

#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

class JobCheckpointTest : public JobManagerTest {
 protected:
  JobCheckpointTest() { trainer_.KeepCheckpoints(); }

  // Epochs in the order of the log.
  std::vector<std::int64_t> EpochsOf(const std::string& name) {
    std::vector<std::int64_t> epochs;
    for (const auto& event : ReadLog(name)) {
      for (const auto& metrics : event.metrics().epochs()) epochs.push_back(metrics.epoch());
    }
    return epochs;
  }
  std::vector<std::string> ReasonsOf(const std::string& name) {
    std::vector<std::string> reasons;
    for (const auto& event : ReadLog(name)) {
      if (event.has_state_change()) reasons.push_back(event.state_change().reason());
    }
    return reasons;
  }
  void WaitForEpoch(const std::string& name, std::int64_t epoch) {
    while (manager_->Get(name)->latest().epoch() < epoch) absl::SleepFor(absl::Milliseconds(1));
  }
  absl::StatusOr<v1::Job> Change(void (JobManager::*change)(const std::string&, LiveLog::Written),
                                 const std::string& name) {
    absl::Notification answered;
    absl::StatusOr<v1::Job> answer;
    (manager_.get()->*change)(name, [&](absl::StatusOr<v1::Job> job) {
      answer = std::move(job);
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
  }
  absl::StatusOr<v1::Job> Pause(const std::string& name) { return Change(&JobManager::Pause, name); }
  absl::StatusOr<v1::Job> Resume(const std::string& name) { return Change(&JobManager::Resume, name); }
  bool HasCheckpoint(const std::string& name) { return checkpoints_->Read(name).ok(); }
};

TEST_F(JobCheckpointTest, GoesOnAfterADrain) {
  StartManager();
  trainer_.AllowEpochs(4);
  const auto name = Create().name();
  WaitForEpoch(name, 4);
  manager_->Drain(absl::Now());
  EXPECT_TRUE(HasCheckpoint(name));
  trainer_.AllowEpochs(7);
  trainer_.Finish();
  Restart();
  const v1::Job job = WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_THAT(trainer_.resumed(), ElementsAre("", "4"));
  EXPECT_THAT(EpochsOf(name), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(ReasonsOf(name),
              ElementsAre("", "", "server stopped", "goes on from the checkpoint after 4 reports", "trained as told"));
  // A job that has ended needs none: it goes a moment after the end is told.
  while (HasCheckpoint(name)) absl::SleepFor(absl::Milliseconds(1));
}

// A killed server leaves a checkpoint from some time before the end of the log.
TEST_F(JobCheckpointTest, DoesNotRepeatWhatTheLogHasBeyondTheCheckpoint) {
  options_.checkpoint_interval = absl::ZeroDuration();
  StartManager();
  trainer_.AllowEpochs(6);
  const auto name = Create().name();
  WaitForEpoch(name, 6);
  manager_->Drain(absl::Now());
  const auto uid = checkpoints_->Read(name)->dataset_uid;
  StopManager();
  ASSERT_TRUE(checkpoints_->Write(name, {uid, 2, "2"}).ok());
  trainer_.AllowEpochs(8);
  trainer_.Finish();
  Restart();
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.resumed(), ElementsAre("", "2"));
  EXPECT_THAT(EpochsOf(name), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST_F(JobCheckpointTest, BeginsAgainWhenTheCheckpointCannotBeUsed) {
  StartManager();
  trainer_.AllowEpochs(3);
  const auto damaged = Create().name();
  WaitForEpoch(damaged, 3);
  manager_->Drain(absl::Now());
  const auto uid = checkpoints_->Read(damaged)->dataset_uid;
  StopManager();
  FlipBit(directory_.path() / "checkpoints" / (damaged.substr(5) + ".checkpoint"), 20);
  Restart();
  int started = 2;
  trainer_.WaitUntilStarted(started);
  // Of another data set, of more epochs than were logged, or of a kind that training does not know: the same.
  for (const StoredCheckpoint& useless : {StoredCheckpoint{"another", 3, "3"}, StoredCheckpoint{uid, 9, "9"}}) {
    StopManager();
    ASSERT_TRUE(checkpoints_->Write(damaged, useless).ok());
    Restart();
    trainer_.WaitUntilStarted(++started);
  }
  StopManager();
  ASSERT_TRUE(checkpoints_->Write(damaged, {uid, 3, "3"}).ok());
  trainer_.RefuseStates();
  trainer_.AllowEpochs(5);
  trainer_.Finish();
  Restart();
  WaitForState(damaged, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(trainer_.resumed().back(), "");
  EXPECT_THAT(EpochsOf(damaged), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ReasonsOf(damaged), testing::Contains(testing::HasSubstr("is damaged")));
  EXPECT_THAT(ReasonsOf(damaged), testing::Contains(testing::HasSubstr("its data set is another one")));
  EXPECT_THAT(ReasonsOf(damaged), testing::Contains(testing::HasSubstr("its checkpoint is after 9 reports")));
  EXPECT_THAT(ReasonsOf(damaged), testing::Contains("begins again: the state is damaged"));
}

// What the system says of the file now it may not say later: the job waits rather than begin again.
TEST_F(JobCheckpointTest, PausesWhenTheCheckpointCannotBeReadJustNow) {
  StartManager();
  trainer_.AllowEpochs(3);
  const auto name = Create().name();
  WaitForEpoch(name, 3);
  manager_->Drain(absl::Now());
  const auto kept = *checkpoints_->Read(name);
  StopManager();
  const auto file = directory_.path() / "checkpoints" / (name.substr(5) + ".checkpoint");
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  trainer_.AllowEpochs(5);
  trainer_.Finish();
  Restart();
  WaitForState(name, v1::JOB_STATE_PAUSED);
  EXPECT_THAT(ReasonsOf(name).back(), testing::StartsWith("paused: cannot read "));
  std::filesystem::remove(file);
  ASSERT_TRUE(checkpoints_->Write(name, kept).ok());
  ASSERT_TRUE(Resume(name).ok());
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.resumed(), ElementsAre("", "3"));
  EXPECT_THAT(EpochsOf(name), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(JobCheckpointTest, WritesCheckpointsWhileItRuns) {
  options_.checkpoint_interval = absl::Milliseconds(1);
  StartManager();
  trainer_.AllowEpochs(1);
  const auto name = Create().name();
  for (std::int64_t epochs = 1; !HasCheckpoint(name); ++epochs) {
    trainer_.AllowEpochs(epochs);
    absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_LE(checkpoints_->Read(name)->reports, manager_->Get(name)->latest().epoch());
  ASSERT_TRUE(Cancel(name).ok());
  WaitForState(name, v1::JOB_STATE_CANCELLED);
  while (HasCheckpoint(name)) absl::SleepFor(absl::Milliseconds(1));
}

TEST_F(JobCheckpointTest, SurvivesADiskThatTakesNoCheckpoint) {
  options_.checkpoint_interval = absl::Milliseconds(1);
  StartManager();
  std::filesystem::remove_all(directory_.path() / "checkpoints");
  trainer_.AllowEpochs(50);
  trainer_.Finish();
  const auto name = Create().name();
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(EpochsOf(name).size(), 50U);
}

TEST_F(JobCheckpointTest, PausesAndGoesOn) {
  StartManager();
  trainer_.AllowEpochs(2);
  const auto name = Create().name();
  const auto queued = Create(1).name();
  WaitForEpoch(name, 2);
  ASSERT_TRUE(Pause(name).ok());
  ASSERT_TRUE(Pause(queued).ok());
  EXPECT_EQ(Pause(queued)->state(), v1::JOB_STATE_PAUSED) << "pausing twice is pausing";
  WaitForState(name, v1::JOB_STATE_PAUSED);
  EXPECT_EQ(Pause(name)->state(), v1::JOB_STATE_PAUSED);
  trainer_.AllowEpochs(4);
  trainer_.Finish();
  // The device is free meanwhile.
  WaitForState(Create(2).name(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(manager_->Get(name)->state(), v1::JOB_STATE_PAUSED);
  // Paused it stays over a restart.
  Restart();
  EXPECT_EQ(manager_->Get(name)->state(), v1::JOB_STATE_PAUSED);
  EXPECT_THAT(Resume(name)->state(), AnyOf(v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING)) << "a slot may be quick";
  EXPECT_EQ(WaitForState(name, v1::JOB_STATE_SUCCEEDED).attempt(), 2);
  EXPECT_THAT(EpochsOf(name), ElementsAre(1, 2, 3, 4));
  ASSERT_TRUE(Resume(queued).ok());
  EXPECT_EQ(WaitForState(queued, v1::JOB_STATE_SUCCEEDED).attempt(), 1) << "it had not begun";
  EXPECT_THAT(trainer_.resumed(), ElementsAre("", "", "2", ""));
  for (const auto& ended : {Pause(name), Resume(name)}) {
    EXPECT_EQ(ended.status().code(), absl::StatusCode::kFailedPrecondition) << ended.status();
  }
  EXPECT_EQ(Pause("jobs/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Resume("jobs/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobCheckpointTest, EndsOrDeletesWhatIsPaused) {
  StartManager();
  trainer_.AllowEpochs(1);
  const auto cancelled = Create().name();
  WaitForEpoch(cancelled, 1);
  const auto deleted = Create(1).name();
  ASSERT_TRUE(Pause(deleted).ok());
  ASSERT_TRUE(Pause(cancelled).ok());
  WaitForState(cancelled, v1::JOB_STATE_PAUSED);
  EXPECT_TRUE(HasCheckpoint(cancelled));
  // Its slot may still be putting it away: the end is then told a moment later.
  ASSERT_TRUE(Cancel(cancelled).ok());
  WaitForState(cancelled, v1::JOB_STATE_CANCELLED);
  while (HasCheckpoint(cancelled)) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(manager_->Delete(deleted).ok());
  EXPECT_EQ(manager_->Get(deleted).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Resume(deleted).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cvxnn::server
