// SPDX-License-Identifier: Apache-2.0
// The life of jobs in one server: queue, running, ending, cancelling, deleting, draining.
#include "server/jobs/job_manager.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <optional>
#include <stdexcept>

#include "core/torch/runtime.h"
#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(JobManagerTest, TakesAJobFromTheQueueToItsModel) {
  StartManager();
  trainer_.AllowEpochs(5);
  trainer_.Finish();
  const v1::Job created = Create();
  EXPECT_EQ(created.attempt(), 1);
  const v1::Job job = WaitForState(created.name(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(StatesOf(job.name()), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING, v1::JOB_STATE_SUCCEEDED));
  EXPECT_EQ(job.last_sequence(), 3 + 5);
  EXPECT_EQ(job.latest().epoch(), 5);
  EXPECT_TRUE(job.has_start_time());
  EXPECT_TRUE(job.has_end_time());
  EXPECT_FALSE(job.has_queue_position());
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_EPOCH_LIMIT);
  ASSERT_EQ(job.result().models_size(), 1);
  EXPECT_EQ(job.result().best_model(), job.result().models(0).model());
  auto model = models_->Get(job.result().best_model());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->job(), job.name());
  EXPECT_EQ(model->dataset(), "datasets/small");
  EXPECT_EQ(model->task(), v1::TASK_BINARY);
  EXPECT_THAT(model->class_names(), ElementsAre("no", "yes"));
  EXPECT_EQ(model->dataset_uid(), *datasets_->Identify("datasets/small"));
  auto description = models_->LoadDescription(model->name());
  ASSERT_TRUE(description.ok() && description->has_value()) << description.status();
  EXPECT_EQ((*description)->source, "three rows written by hand");
  EXPECT_EQ(model->neurons(), 3);
  auto network = models_->Load(model->name());
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->inputs(), 2);
}

TEST_F(JobManagerTest, RunsOneJobAtATimeInOrderOfCreation) {
  StartManager();
  std::vector<std::string> names;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) names.push_back(Create(seed).name());
  WaitForState(names[0], v1::JOB_STATE_RUNNING);
  for (int i = 1; i < 4; ++i) {
    auto job = manager_->Get(names[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->state(), v1::JOB_STATE_QUEUED);
    EXPECT_EQ(job->queue_position(), i - 1);
  }
  auto listed = manager_->List({}, {});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->items[0].queue_position(), 2);
  trainer_.Finish();
  for (const auto& name : names) WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 2, 3, 4));
}

TEST_F(JobManagerTest, RunsAsManyAtATimeAsADeviceHasSlots) {
  options_.running_jobs_per_device = 2;
  StartManager();
  const auto one = Create(1).name();
  const auto two = Create(2).name();
  WaitForState(one, v1::JOB_STATE_RUNNING);
  WaitForState(two, v1::JOB_STATE_RUNNING);
}

TEST_F(JobManagerTest, GivesTheSameJobForTheSameRequest) {
  options_.max_queued_jobs = 1;
  StartManager();
  const v1::Job first = Create(1, "request");
  trainer_.WaitUntilStarted(1);
  Create(2);
  // Also when the queue is full by now.
  EXPECT_EQ(Create(1, "request").name(), first.name());
  EXPECT_EQ(manager_->Create(Asked(3), "request").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(JobManagerTest, RefusesWhatCannotRun) {
  StartManager();
  v1::Job job = Asked();
  job.mutable_spec()->set_device("cuda:5");
  EXPECT_EQ(manager_->Create(job, "").status().code(), absl::StatusCode::kInvalidArgument);
  job = Asked();
  job.mutable_spec()->set_dataset("datasets/none");
  EXPECT_EQ(manager_->Create(job, "").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(manager_->List({}, {})->items.empty());
}

TEST_F(JobManagerTest, RefusesMoreJobsThanTheQueueHolds) {
  options_.max_queued_jobs = 2;
  StartManager();
  Create(1);
  trainer_.WaitUntilStarted(1);
  Create(2);
  Create(3);
  auto refused = manager_->Create(Asked(4), "");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("at most 2"));
}

TEST_F(JobManagerTest, CancelsAQueuedJobAtOnce) {
  StartManager();
  Create(1);
  trainer_.WaitUntilStarted(1);
  const auto queued = Create(2).name();
  auto cancelled = Cancel(queued);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state(), v1::JOB_STATE_CANCELLED);
  EXPECT_TRUE(cancelled->has_end_time());
  EXPECT_THAT(StatesOf(queued), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_CANCELLED));
  EXPECT_TRUE(manager_->log().Read(queued, 2)->end);
  trainer_.Finish();
  const auto next = Create(3).name();
  WaitForState(next, v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(trainer_.seeds(), ElementsAre(1, 3));
}

TEST_F(JobManagerTest, AnswersACancellationThatCannotBeWrittenAndWritesItLater) {
  options_.log.retry_interval = absl::Milliseconds(1);
  StartManager();
  Create(1);
  trainer_.WaitUntilStarted(1);
  const auto queued = Create(2).name();
  const auto refuse_events = [this](const char* sql) {
    const absl::Status status = database_->Write([&](SQLite::Database& db) {
      db.exec(sql);
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  };
  refuse_events("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  auto refused = Cancel(queued);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("disk full"));
  refuse_events("DROP TRIGGER full");
  WaitForState(queued, v1::JOB_STATE_CANCELLED);
}

TEST_F(JobManagerTest, RunsAJobThoughTellingOfItsCreationFailed) {
  trainer_.Finish();
  StartManager();
  auto watch = std::make_optional(manager_->changes().Watch([] { throw std::runtime_error("no memory"); }));
  EXPECT_THROW(static_cast<void>(manager_->Create(Asked(), "request")), std::runtime_error);
  watch.reset();
  WaitForState(Create(0, "request").name(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(JobManagerTest, FailsAJobInNumericalTroubleAndKeepsItsModel) {
  options_.trainer = [](const auto&, const auto&, const auto&) -> absl::StatusOr<training::Result> {
    training::Result result = DirectedTrainer::MakeResult(training::Termination::kNumericalTrouble, 9);
    result.summary.message = "Numbers failed (a factor), the best answer before is kept.";
    return result;
  };
  StartManager();
  const v1::Job job = WaitForState(Create().name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kInternal));
  EXPECT_THAT(job.error().message(), HasSubstr("Numbers failed (a factor)"));
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_NUMERICAL_TROUBLE);
  ASSERT_EQ(job.result().models_size(), 1);
  EXPECT_TRUE(models_->Load(job.result().best_model()).ok());
}

TEST_F(JobManagerTest, FailsAJobOfWhichEveryTrialDiverged) {
  options_.trainer = [](const auto&, const auto&, const auto& hooks) -> absl::StatusOr<training::Result> {
    training::Result result = DirectedTrainer::MakeResult(training::Termination::kDiverged, 9);
    result.models.push_back(result.models[0]);
    for (std::int32_t trial = 0; trial < 2; ++trial) {
      training::TrainedModel& model = result.models[static_cast<std::size_t>(trial)];
      model.diverged = true;
      model.final_metrics.trial = trial;
      model.final_metrics.epoch = 3 + trial;
      model.setting = training::TrialSetting();
      model.setting->learning_rate = 100;
      hooks.observer(model.final_metrics);
    }
    return result;
  };
  StartManager();
  const v1::Job job = WaitForState(Create().name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(job.error().message(), HasSubstr("learning_rate = 100"));
  EXPECT_THAT(job.error().message(), HasSubstr("all 2 trials diverged, the last of them after epoch 4"));
  // What is known about the trials is kept, their weights are not.
  EXPECT_EQ(job.latest().epoch(), 4);
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_DIVERGED);
  ASSERT_EQ(job.result().models_size(), 2);
  EXPECT_TRUE(job.result().models(1).diverged());
  EXPECT_EQ(job.result().models(1).metrics().epoch(), 4);
  EXPECT_EQ(job.result().models(1).model(), "");
  EXPECT_EQ(job.result().best_model(), "");
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "models"));
}

TEST_F(JobManagerTest, CancelsARunningJobWithinOneEpochAndKeepsItsModel) {
  StartManager();
  const auto name = Create().name();
  trainer_.AllowEpochs(3);
  while (manager_->Get(name)->latest().epoch() < 3) absl::SleepFor(absl::Milliseconds(1));
  ASSERT_TRUE(Cancel(name).ok());
  trainer_.AllowEpochs(1000000);
  const v1::Job job = WaitForState(name, v1::JOB_STATE_CANCELLED);
  EXPECT_LE(job.result().epochs(), 4);
  EXPECT_EQ(job.result().termination(), v1::TERMINATION_STOPPED);
  EXPECT_TRUE(models_->Load(job.result().best_model()).ok());
  // Again, after its end.
  EXPECT_EQ(Cancel(name)->state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Cancel("jobs/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobManagerTest, IsCancelledThoughItsModelCannotBeStored) {
  StartManager();
  const auto name = Create().name();
  trainer_.AllowEpochs(3);
  while (manager_->Get(name)->latest().epoch() < 3) absl::SleepFor(absl::Milliseconds(1));
  std::filesystem::remove_all(directory_.path() / "models");
  ASSERT_TRUE(Cancel(name).ok());
  const v1::Job job = WaitForState(name, v1::JOB_STATE_CANCELLED);
  EXPECT_FALSE(job.has_error());
  EXPECT_THAT(ReadLog(name).back().state_change().reason(),
              HasSubstr("cancelled while running; its network could not be stored"));
}

TEST_F(JobManagerTest, KeepsNoModelOfAJobCancelledBeforeItsFirstEpoch) {
  StartManager();
  const auto name = Create().name();
  trainer_.WaitUntilStarted(1);
  ASSERT_TRUE(Cancel(name).ok());
  EXPECT_FALSE(WaitForState(name, v1::JOB_STATE_CANCELLED).has_result());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "models"));
}

TEST_F(JobManagerTest, TrainsNothingOnceCancelledWhileItsDataIsLoaded) {
  absl::Notification loading, may_go_on;
  on_load_ = [&] {
    loading.Notify();
    may_go_on.WaitForNotification();
  };
  StartManager();
  const auto name = Create().name();
  loading.WaitForNotification();
  ASSERT_TRUE(Cancel(name).ok());
  may_go_on.Notify();
  const v1::Job job = WaitForState(name, v1::JOB_STATE_CANCELLED);
  EXPECT_FALSE(job.has_result());
  EXPECT_THAT(trainer_.seeds(), ElementsAre());
}

TEST_F(JobManagerTest, SaysWhyAJobFailed) {
  StartManager();
  trainer_.AllowEpochs(2);
  trainer_.Finish(absl::ResourceExhaustedError("no memory for it"));
  const v1::Job job = WaitForState(Create().name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(job.error().message(), "no memory for it");
  EXPECT_FALSE(job.has_result());
  EXPECT_EQ(job.latest().epoch(), 2);
}

TEST_F(JobManagerTest, SurvivesATrainerThatThrows) {
  options_.trainer = [](const auto&, const auto&, const auto&) -> absl::StatusOr<training::Result> {
    throw std::runtime_error("boom");
  };
  StartManager();
  for (int i = 0; i < 2; ++i) {
    const v1::Job job = WaitForState(Create().name(), v1::JOB_STATE_FAILED);
    EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kInternal));
    EXPECT_THAT(job.error().message(), HasSubstr("boom"));
  }
}

TEST_F(JobManagerTest, FailsAJobWhoseDatasetIsDamaged) {
  StartManager();
  FlipBit(DatasetFolder() / "features.bin", 0);
  const v1::Job job = WaitForState(Create().name(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kDataLoss));
  EXPECT_THAT(job.error().message(), HasSubstr("features.bin"));
}

TEST_F(JobManagerTest, DeletesWhatHasEndedWithModelsAndLog) {
  StartManager();
  const auto name = Create().name();
  EXPECT_EQ(manager_->Delete(name).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(datasets_->Delete("datasets/small").status().code(), absl::StatusCode::kFailedPrecondition);
  trainer_.AllowEpochs(1);
  trainer_.Finish();
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  ChangeWatch watch = manager_->changes().Watch([] {});
  EXPECT_TRUE(manager_->Delete(name).ok());
  ASSERT_EQ(watch.Take().size(), 1U);
  EXPECT_EQ(manager_->Get(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(manager_->log().Read(name, 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(manager_->Delete(name).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "models"));
  EXPECT_TRUE(datasets_->Delete("datasets/small").ok());
}

TEST_F(JobManagerTest, TrainsWithTheNumberOfThreadsItWasTold) {
  std::atomic<int> threads = 0;
  options_.compute_threads = 3;
  options_.trainer = [&](const auto&, const auto&, const auto&) -> absl::StatusOr<training::Result> {
    threads = ComputeThreads();
    return DirectedTrainer::MakeResult(training::Termination::kConverged, 1);
  };
  StartManager();
  WaitForState(Create().name(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(threads, 3);
}

TEST_F(JobManagerTest, DrainsByLettingRunningJobsFinish) {
  StartManager();
  const auto running = Create(1).name();
  trainer_.WaitUntilStarted(1);
  const auto queued = Create(2).name();
  std::jthread finisher([&] {
    absl::SleepFor(absl::Milliseconds(20));
    trainer_.Finish();
  });
  manager_->Drain(absl::InfiniteFuture());
  EXPECT_EQ(manager_->Get(running)->state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(manager_->Get(queued)->state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(manager_->Create(Asked(3), "").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Cancel(queued)->state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(JobManagerTest, ManyClientsCreateAndCancelAtOnce) {
  trainer_.AllowEpochs(2);
  trainer_.Finish();
  options_.running_jobs_per_device = 2;
  StartManager();
  std::vector<std::jthread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < 15; ++i) {
        const v1::Job job = Create(static_cast<std::uint64_t>(client * 100 + i));
        if (i % 2 == 0) {
          EXPECT_TRUE(Cancel(job.name()).ok());
        }
      }
    });
  }
  clients.clear();
  auto page = manager_->List({}, {1000, ""});
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->items.size(), 60U);
  for (const v1::Job& job : page->items) {
    while (!HasEnded(manager_->Get(job.name())->state())) absl::SleepFor(absl::Milliseconds(1));
    EXPECT_TRUE(manager_->log().Read(job.name(), manager_->Get(job.name())->last_sequence())->end);
    ReadLog(job.name());
  }
}

}  // namespace
}  // namespace cvxnn::server
