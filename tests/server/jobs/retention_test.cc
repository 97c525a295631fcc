// SPDX-License-Identifier: Apache-2.0
// Jobs that ended are deleted when their time is over, with all that they left.
#include <gmock/gmock.h>

#include "server/store/clock.h"
#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

class RetentionTest : public JobManagerTest {
 protected:
  RetentionTest() {
    trainer_.AllowEpochs(2);
    trainer_.Finish();
  }
  v1::Job CreateWithTtl(absl::Duration ttl) {
    v1::Job asked = Asked();
    *asked.mutable_ttl() = ToProto(ttl);
    auto job = manager_->Create(asked, "");
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }
  void WaitUntilGone(const std::string& name) {
    for (const absl::Time deadline = absl::Now() + absl::Seconds(30); absl::Now() < deadline;) {
      if (absl::IsNotFound(manager_->Get(name).status())) return;
      absl::SleepFor(absl::Milliseconds(1));
    }
    ADD_FAILURE() << name << " is still there";
  }
};

TEST_F(RetentionTest, DeletesWhatHasExpired) {
  StartManager();
  const auto name = CreateWithTtl(absl::Milliseconds(300)).name();
  const v1::Job job = WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(FromProto(job.expire_time()) - FromProto(job.end_time()), absl::Milliseconds(300));
  const std::string model = job.result().best_model();
  WaitUntilGone(name);
  EXPECT_GE(absl::Now(), FromProto(job.expire_time()));
  EXPECT_TRUE(absl::IsNotFound(models_->Get(model).status()));
  EXPECT_TRUE(absl::IsNotFound(manager_->log().Read(name, 0).status()));
  // Files go a moment after the rows that named them.
  while (!std::filesystem::is_empty(directory_.path() / "models")) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(datasets_->Get("datasets/small").ok());
}

TEST_F(RetentionTest, IsTheServersForJobsThatSayNothing) {
  options_.retention = absl::Milliseconds(1);
  StartManager();
  const auto kept = CreateWithTtl(absl::Hours(1)).name();
  WaitForState(kept, v1::JOB_STATE_SUCCEEDED);
  WaitUntilGone(Create().name());
  EXPECT_TRUE(manager_->Get(kept).ok());
}

TEST_F(RetentionTest, IsForEverUnlessSaid) {
  StartManager();
  EXPECT_FALSE(WaitForState(Create().name(), v1::JOB_STATE_SUCCEEDED).has_expire_time());
  EXPECT_TRUE(jobs_->ListExpiring()->empty());
}

TEST_F(RetentionTest, GoesOnAfterARestart) {
  StartManager();
  const auto name = CreateWithTtl(absl::Seconds(1)).name();
  const auto other = CreateWithTtl(absl::Hours(1)).name();
  WaitForState(other, v1::JOB_STATE_SUCCEEDED);
  StopManager();
  EXPECT_EQ(jobs_->ListExpiring()->size(), 2U);
  Restart();
  WaitUntilGone(name);
  EXPECT_TRUE(manager_->Get(other).ok());
}

TEST_F(RetentionTest, BeginsWithAnyEnd) {
  trainer_.Finish(absl::InternalError("no"));
  options_.retention = absl::Seconds(1);
  StartManager();
  const auto failed = Create().name();
  WaitForState(failed, v1::JOB_STATE_FAILED);
  const auto cancelled = Create().name();
  manager_->Cancel(cancelled, [](const absl::StatusOr<v1::Job>&) {});
  WaitUntilGone(failed);
  WaitUntilGone(cancelled);
}

}  // namespace
}  // namespace cvxnn::server
