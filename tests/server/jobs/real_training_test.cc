// SPDX-License-Identifier: Apache-2.0
// Both kinds of training through the manager with core's own trainer.
#include <gmock/gmock.h>

#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

class RealTrainingTest : public JobManagerTest {
 protected:
  RealTrainingTest() {
    options_.trainer = nullptr;
    StartManager();
  }
  // The stored weights of a model.
  std::string Bytes(const std::string& model) {
    auto file = models_->OpenFile(model);
    EXPECT_TRUE(file.ok()) << file.status();
    if (!file.ok()) return "";
    std::string bytes((*file)->left(), '\0');
    EXPECT_TRUE((*file)->Read(bytes.data(), bytes.size()).ok());
    return bytes;
  }
  v1::Job Run(const v1::Job& asked) {
    auto created = manager_->Create(asked, "");
    EXPECT_TRUE(created.ok()) << created.status();
    for (;;) {
      const v1::Job job = *manager_->Get(created->name());
      if (HasEnded(job.state())) return job;
      absl::SleepFor(absl::Milliseconds(2));
    }
  }
};

TEST_F(RealTrainingTest, SolvesAConvexProgram) {
  const v1::Job job = Run(Asked());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
  ASSERT_EQ(job.result().models_size(), 1);
  EXPECT_TRUE(job.result().has_certificate());
  EXPECT_TRUE(models_->Load(job.result().best_model()).ok());
}

TEST_F(RealTrainingTest, DescendsFromSeveralStarts) {
  v1::Job asked = Asked();
  asked.mutable_spec()->mutable_descent()->set_trials(3);
  asked.mutable_spec()->mutable_descent()->set_neurons(4);
  asked.mutable_spec()->mutable_stopping()->set_max_epochs(20);
  const v1::Job job = Run(asked);
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.result().models_size(), 3);
  EXPECT_EQ(job.result().epochs(), 60);
  // QUEUED, RUNNING, SUCCEEDED, and epochs 0 to 20 of each trial.
  EXPECT_EQ(job.last_sequence(), 3 + 3 * 21);
}

TEST_F(RealTrainingTest, FailsWhenTheLearningRateMakesEveryTrialExplode) {
  v1::Job asked = Asked();
  asked.mutable_spec()->mutable_descent()->set_neurons(4);
  asked.mutable_spec()->mutable_descent()->set_learning_rate(1e6);
  const v1::Job job = Run(asked);
  ASSERT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error().message(), testing::HasSubstr("descent.learning_rate = 1e+06: must be smaller here"));
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_DIVERGED);
  EXPECT_TRUE(job.has_latest());
}

TEST_F(RealTrainingTest, GivesTheSameResultForTheSameSpec) {
  v1::Job asked = Asked(7);
  asked.mutable_spec()->mutable_descent()->set_neurons(4);
  asked.mutable_spec()->mutable_stopping()->set_max_epochs(10);
  const v1::Job one = Run(asked);
  const v1::Job two = Run(asked);
  ASSERT_EQ(one.state(), v1::JOB_STATE_SUCCEEDED) << one.error().message();
  EXPECT_EQ(Bytes(one.result().best_model()), Bytes(two.result().best_model()));
}

}  // namespace
}  // namespace cvxnn::server
