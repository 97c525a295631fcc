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
  // The job once it is PAUSED.
  v1::Job Pause(const std::string& name) {
    absl::Notification asked;
    manager_->Pause(name, [&](const auto&) { asked.Notify(); });
    asked.WaitForNotification();
    return WaitForState(name, v1::JOB_STATE_PAUSED);
  }
  // The paused job once it has SUCCEEDED.
  v1::Job ResumeToTheEnd(const std::string& name) {
    absl::Notification resumed;
    manager_->Resume(name, [&](const auto&) { resumed.Notify(); });
    resumed.WaitForNotification();
    return WaitForState(name, v1::JOB_STATE_SUCCEEDED);
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

TEST_F(RealTrainingTest, GoesOnAfterAPauseBitForBit) {
  v1::Job asked = Asked(7);
  asked.mutable_spec()->mutable_descent()->set_trials(3);
  asked.mutable_spec()->mutable_descent()->set_neurons(8);
  asked.mutable_spec()->mutable_descent()->mutable_optimizer()->mutable_adam();
  asked.mutable_spec()->mutable_descent()->mutable_snapshots()->set_per_decade(2);
  asked.mutable_spec()->mutable_stopping()->set_max_epochs(20000);
  const v1::Job undisturbed = Run(asked);
  ASSERT_EQ(undisturbed.state(), v1::JOB_STATE_SUCCEEDED) << undisturbed.error().message();
  const std::string name = manager_->Create(asked, "")->name();
  while (manager_->Get(name)->latest().epoch() < 100) absl::SleepFor(absl::Milliseconds(1));
  const v1::Job paused = Pause(name);
  EXPECT_LT(paused.latest().epoch(), 20000);
  Restart();
  const v1::Job job = ResumeToTheEnd(name);
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_EQ(job.result().epochs(), undisturbed.result().epochs());
  ASSERT_EQ(job.result().models_size(), 3);
  for (int trial = 0; trial < 3; ++trial) {
    EXPECT_EQ(Bytes(job.result().models(trial).model()), Bytes(undisturbed.result().models(trial).model())) << trial;
  }
  std::int64_t epochs = 0;
  for (const auto& event : ReadLog(name)) epochs += event.metrics().epochs_size();
  EXPECT_EQ(epochs, 3 * 20001);
  EXPECT_EQ(models_->Snapshots(name)->size(), models_->Snapshots(undisturbed.name())->size());
}

TEST_F(RealTrainingTest, GoesOnWithAConvexJobBitForBit) {
  v1::Job asked = Asked(7);
  auto* convex = asked.mutable_spec()->mutable_convex();
  convex->set_activation(v1::ACTIVATION_RELU);
  convex->set_solver(v1::CONVEX_SOLVER_PENALTY);
  convex->mutable_patterns()->mutable_sampled()->set_count(6);
  convex->mutable_penalty_method()->mutable_optimizer()->mutable_adam();
  convex->mutable_penalty_method()->set_batch_size(8);
  asked.mutable_spec()->mutable_stopping()->set_max_epochs(10000);
  asked.mutable_spec()->mutable_stopping()->set_tolerance(0);
  const v1::Job undisturbed = Run(asked);
  ASSERT_EQ(undisturbed.state(), v1::JOB_STATE_SUCCEEDED) << undisturbed.error().message();
  const std::string name = manager_->Create(asked, "")->name();
  while (manager_->Get(name)->latest().epoch() < 20) absl::SleepFor(absl::Milliseconds(1));
  Pause(name);
  Restart();
  const v1::Job job = ResumeToTheEnd(name);
  EXPECT_EQ(job.attempt(), 2);
  EXPECT_EQ(Bytes(job.result().best_model()), Bytes(undisturbed.result().best_model()));
  EXPECT_EQ(job.result().epochs(), undisturbed.result().epochs());
  const auto objectives = [this](const std::string& of) {
    std::vector<double> values;
    for (const auto& event : ReadLog(of)) {
      for (const auto& metrics : event.metrics().epochs()) values.push_back(metrics.objective());
    }
    return values;
  };
  EXPECT_EQ(objectives(name), objectives(undisturbed.name()));
}

// Interrupted in the midst of a β, a path begins that β again and none of those before.
TEST_F(RealTrainingTest, GoesOnWithAPathAtTheBetaThatWasNotDone) {
  v1::Job asked = Asked(7);
  asked.mutable_spec()->clear_regularization();
  auto* path = asked.mutable_spec()->mutable_path();
  path->set_points(40);
  path->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(5);
  asked.mutable_spec()->mutable_stopping()->set_max_epochs(300);
  asked.mutable_spec()->mutable_stopping()->set_tolerance(0);
  const v1::Job undisturbed = Run(asked);
  ASSERT_EQ(undisturbed.state(), v1::JOB_STATE_SUCCEEDED) << undisturbed.error().message();
  ASSERT_EQ(undisturbed.result().models_size(), 40);
  EXPECT_GT(undisturbed.result().models(3).metrics().beta(), undisturbed.result().models(4).metrics().beta());
  const std::string name = manager_->Create(asked, "")->name();
  while (manager_->Get(name)->latest().trial() < 3) absl::SleepFor(absl::Milliseconds(1));
  Pause(name);
  Restart();
  const v1::Job job = ResumeToTheEnd(name);
  EXPECT_EQ(job.attempt(), 2);
  ASSERT_EQ(job.result().models_size(), 40);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Bytes(job.result().models(i).model()), Bytes(undisturbed.result().models(i).model())) << i;
  }
  std::int64_t epochs = 0;
  for (const auto& event : ReadLog(name)) epochs += event.metrics().epochs_size();
  std::int64_t expected = 0;
  for (const auto& event : ReadLog(undisturbed.name())) expected += event.metrics().epochs_size();
  EXPECT_EQ(epochs, expected);
  EXPECT_NE(job.result().best_model(), "");
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
