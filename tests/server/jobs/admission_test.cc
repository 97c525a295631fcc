// SPDX-License-Identifier: Apache-2.0
// Jobs that do not fit in memory, and jobs that run out of it, end alone.
#include <gmock/gmock.h>

#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

class AdmissionTest : public JobManagerTest {
 protected:
  AdmissionTest() { trainer_.AllowEpochs(1); }
  absl::StatusOr<v1::Job> CreateNeeding(std::int64_t bytes) {
    v1::Job asked = Asked();
    asked.mutable_memory()->set_host_bytes(bytes);
    return manager_->Create(asked, "");
  }
  void StartWith(std::int64_t free) {
    free_ = free;
    measure_ = [this] { return std::vector<DeviceInfo>{{"cpu", "", 1 << 20, free_}}; };
    StartManager();
  }
  std::atomic<std::int64_t> free_ = 0;
};

TEST_F(AdmissionTest, FailsAJobThatDoesNotFitAndGoesOn) {
  StartWith(1000);
  trainer_.Finish();
  const auto large = CreateNeeding(2000);
  const auto small = CreateNeeding(1000);
  ASSERT_TRUE(large.ok() && small.ok());
  const v1::Job failed = WaitForState(large->name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(failed.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(failed.error().message(), HasSubstr("needs 2000 bytes of memory on cpu, 1000 are free"));
  EXPECT_EQ(failed.error().shortage().device(), "cpu");
  EXPECT_EQ(failed.error().shortage().needed_bytes(), 2000);
  EXPECT_EQ(failed.error().shortage().free_bytes(), 1000);
  WaitForState(small->name(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(AdmissionTest, PausesAJobThatHasACheckpoint) {
  StartWith(1000);
  trainer_.KeepCheckpoints();
  const auto job = CreateNeeding(1000);
  ASSERT_TRUE(job.ok()) << job.status();
  WaitForState(job->name(), v1::JOB_STATE_RUNNING);
  StopManager();
  free_ = 999;
  Restart();
  const v1::Job paused = WaitForState(job->name(), v1::JOB_STATE_PAUSED);
  EXPECT_THAT(ReadLog(job->name()).back().state_change().reason(), HasSubstr("1000 bytes of memory"));
  free_ = 1000;
  trainer_.Finish();
  manager_->Resume(job->name(), [](const absl::StatusOr<v1::Job>&) {});
  WaitForState(job->name(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(AdmissionTest, EndsAloneWhenMemoryRunsOut) {
  options_.trainer = [this](const training::Spec& spec, const data::Dataset& dataset,
                            const training::Hooks& hooks) -> absl::StatusOr<training::Result> {
    if (spec.seed == 1) throw std::bad_alloc();
    return trainer_.AsTrainer()(spec, dataset, hooks);
  };
  StartWith(1000);
  trainer_.Finish();
  const auto failed = WaitForState(Create(1).name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(failed.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(failed.error().has_shortage());
  WaitForState(Create(2).name(), v1::JOB_STATE_SUCCEEDED);
}

// LibTorch itself refuses what no machine has.
TEST_F(AdmissionTest, EndsAloneWhenLibTorchHasNoMemory) {
  options_.trainer = [this](const training::Spec& spec, const data::Dataset& dataset,
                            const training::Hooks& hooks) -> absl::StatusOr<training::Result> {
    if (spec.seed == 1) {
      const absl::Status status = GuardTorch("training", [] {
        at::empty({std::int64_t{1} << 45}, at::kDouble).fill_(1);
        return absl::OkStatus();
      });
      return status;
    }
    return trainer_.AsTrainer()(spec, dataset, hooks);
  };
  StartWith(1000);
  trainer_.Finish();
  const auto failed = WaitForState(Create(1).name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(failed.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted)) << failed.error().message();
  WaitForState(Create(2).name(), v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace cvxnn::server
