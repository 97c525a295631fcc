// SPDX-License-Identifier: Apache-2.0
// Which weights of a job become models: those on the way, once each, and the best of those at the end.
#include <gmock/gmock.h>

#include <set>
#include <utility>

#include "tests/server/jobs/manager_fixture.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;

class KeptModelsTest : public JobManagerTest {
 protected:
  static Network SomeNetwork(double value) {
    const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
    return {Activation::kRelu, at::full({2, 3}, value, options), at::ones({3, 1}, options), {}};
  }
  static training::EpochMetrics Metrics(std::int32_t trial, std::int64_t epoch) {
    training::EpochMetrics metrics;
    metrics.trial = trial;
    metrics.epoch = epoch;
    metrics.objective = 1;
    return metrics;
  }
  static v1::Job Descent() {
    v1::Job job = Asked();
    job.mutable_spec()->mutable_descent()->set_trials(4);
    return job;
  }
  std::string CreateJob(const v1::Job& asked) {
    auto job = manager_->Create(asked, "");
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? job->name() : "";
  }
  std::vector<v1::Model> Models(bool snapshots) {
    auto page = models_->List("", snapshots, {1000, ""});
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->items : std::vector<v1::Model>();
  }
  bool NoFilesAreLeft() { return std::filesystem::is_empty(directory_.path() / "models"); }
};

TEST_F(KeptModelsTest, StoresWeightsOnTheWayOnceOverAllAttempts) {
  std::atomic<std::int64_t> last_epoch = 2;
  options_.trainer = [&](const auto&, const auto&, const training::Hooks& hooks) -> absl::StatusOr<training::Result> {
    for (std::int64_t epoch = 0; epoch <= last_epoch; ++epoch) {
      for (const std::int32_t trial : {0, 1}) {
        const auto kept =
            hooks.on_snapshot({trial, SomeNetwork(static_cast<double>(10 * trial + epoch)), Metrics(trial, epoch), {}});
        if (!kept.ok()) return kept;
        hooks.observer(Metrics(trial, epoch));
      }
    }
    while (last_epoch == 2 && !hooks.should_stop()) absl::SleepFor(absl::Milliseconds(1));
    return DirectedTrainer::MakeResult(
        last_epoch == 2 ? training::Termination::kStopped : training::Termination::kEpochLimit, last_epoch);
  };
  StartManager();
  const std::string name = CreateJob(Descent());
  while (manager_->Get(name)->latest().epoch() < 2) absl::SleepFor(absl::Milliseconds(1));
  StopManager();
  EXPECT_EQ(Models(true).size(), 6U) << "what an attempt kept is there after it";
  last_epoch = 4;
  Restart();
  WaitForState(name, v1::JOB_STATE_SUCCEEDED);
  std::set<std::pair<int, int>> seen;
  for (const v1::Model& model : Models(true)) {
    if (!model.snapshot()) continue;
    EXPECT_TRUE(seen.emplace(model.trial(), model.metrics().epoch()).second) << "kept twice";
    EXPECT_EQ(model.job(), name);
    EXPECT_EQ(model.task(), v1::TASK_BINARY);
    const auto network = models_->Load(model.name());
    ASSERT_TRUE(network.ok()) << network.status();
    EXPECT_EQ(network->first_layer[0][0].item<double>(),
              10.0 * model.trial() + static_cast<double>(model.metrics().epoch()));
  }
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(Models(false).size(), 1U);
  ASSERT_TRUE(manager_->Delete(name).ok());
  EXPECT_TRUE(Models(true).empty());
  EXPECT_TRUE(NoFilesAreLeft());
}

TEST_F(KeptModelsTest, KeepsTheBestThatDidNotDiverge) {
  options_.trainer = [](const auto&, const auto&, const auto&) -> absl::StatusOr<training::Result> {
    training::Result result = DirectedTrainer::MakeResult(training::Termination::kEpochLimit, 4);
    result.models.clear();
    for (const double objective : {3.0, 0.5, 1.0, 2.0}) {
      training::TrainedModel model;
      model.network = SomeNetwork(objective);
      model.final_metrics = Metrics(static_cast<std::int32_t>(result.models.size()), 4);
      model.final_metrics.objective = objective;
      model.diverged = objective == 0.5;
      result.models.push_back(model);
    }
    result.best = 2;
    return result;
  };
  StartManager();
  v1::Job asked = Descent();
  asked.mutable_spec()->mutable_descent()->set_keep_best(2);
  const v1::Job job = WaitForState(CreateJob(asked), v1::JOB_STATE_SUCCEEDED);
  std::vector<bool> kept;
  for (const v1::TrainedModel& model : job.result().models()) kept.push_back(!model.model().empty());
  EXPECT_THAT(kept, ElementsAre(false, false, true, true));
  EXPECT_EQ(job.result().best_model(), job.result().models(2).model());
  EXPECT_EQ(Models(true).size(), 2U);
  const v1::Job all = WaitForState(CreateJob(Descent()), v1::JOB_STATE_SUCCEEDED);
  for (const v1::TrainedModel& model : all.result().models()) EXPECT_NE(model.model(), "");
}

TEST_F(KeptModelsTest, EndsWithTheReasonWhyASnapshotCannotBeStored) {
  options_.trainer = [&](const auto&, const auto&, const training::Hooks& hooks) -> absl::StatusOr<training::Result> {
    std::filesystem::remove_all(directory_.path() / "models");
    const auto kept = hooks.on_snapshot({0, SomeNetwork(1), Metrics(0, 0), {}});
    if (!kept.ok()) return kept;
    return DirectedTrainer::MakeResult(training::Termination::kEpochLimit, 1);
  };
  StartManager();
  const v1::Job job = WaitForState(CreateJob(Descent()), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error().message(), testing::HasSubstr("cannot create"));
}

}  // namespace
}  // namespace cvxnn::server
