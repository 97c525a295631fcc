// SPDX-License-Identifier: Apache-2.0
// A job whose disk is full says so, leaves its device, and goes on when it is resumed.
#include <gmock/gmock.h>

#include <optional>

#include "tests/server/jobs/manager_fixture.h"
#include "tests/server/store/small_disk.h"

namespace cvxnn::server {
namespace {

class FullDiskJobTest : public JobManagerTest {
 protected:
  void SetUp() override {
    disk_.emplace(directory_.path());
    if (!disk_->is_mounted()) GTEST_SKIP() << "file systems cannot be mounted here";
    Reopen();
    StoreDataset();
    options_.log.retry_interval = absl::Milliseconds(5);
    options_.log.patience = absl::Milliseconds(50);
    StartManager();
  }
  void TearDown() override {
    StopManager();
    jobs_ = nullptr;
    models_ = nullptr;
    datasets_ = nullptr;
    database_ = nullptr;
  }

  std::optional<SmallDisk> disk_;
};

TEST_F(FullDiskJobTest, PausesAndSaysWhy) {
  constexpr std::int64_t kEpochs = 20000;
  trainer_.KeepCheckpoints();
  const v1::Job job = Create();
  trainer_.WaitUntilStarted(1);
  WaitForState(job.name(), v1::JOB_STATE_RUNNING);
  disk_->Fill();
  // More than there is room for in what the database has taken already.
  trainer_.AllowEpochs(kEpochs);
  const v1::Job paused = WaitForState(job.name(), v1::JOB_STATE_PAUSED);
  EXPECT_FALSE(paused.has_end_time());
  // What is stored is in the log a moment later.
  while (*manager_->log().End(job.name()) < paused.last_sequence()) absl::SleepFor(absl::Milliseconds(1));
  const auto log = ReadLog(job.name());
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log.back().state_change().reason(), testing::HasSubstr("its log could not be written: "));
  EXPECT_THAT(log.back().state_change().reason(), testing::HasSubstr("full"));

  disk_->Free();
  absl::Notification resumed;
  manager_->Resume(job.name(), [&](const absl::StatusOr<v1::Job>& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    resumed.Notify();
  });
  resumed.WaitForNotification();
  trainer_.Finish();
  WaitForState(job.name(), v1::JOB_STATE_SUCCEEDED);
  std::int64_t epochs = 0;
  for (const auto& event : ReadLog(job.name())) {
    for (const auto& epoch : event.metrics().epochs()) EXPECT_EQ(epoch.epoch(), ++epochs);
  }
  EXPECT_EQ(epochs, kEpochs);
}

}  // namespace
}  // namespace cvxnn::server
