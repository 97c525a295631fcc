// SPDX-License-Identifier: Apache-2.0
// The stand-in trainer, and what cancelling does.
#include <ATen/ATen.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <absl/synchronization/notification.h>

#include <chrono>
#include <deque>
#include <thread>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {

Trainer CountingTrainer(std::int64_t epochs, std::shared_ptr<std::atomic<std::int64_t>> gate) {
  return [epochs, gate](const training::Spec&, const data::Dataset& dataset,
                        const training::Hooks& hooks) -> absl::StatusOr<training::Result> {
    training::Result result;
    training::EpochMetrics metrics;
    const auto stop = [&] { return hooks.should_stop && hooks.should_stop(); };
    for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
      while (gate != nullptr && epoch > *gate && !stop()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      metrics.epoch = epoch;
      if (!stop() && (!hooks.observer || hooks.observer(metrics) == training::Continue::kYes)) continue;
      result.summary.termination = training::Termination::kStopped;
      break;
    }
    const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
    Network network{Activation::kRelu, at::zeros({dataset.train.features.cols(), 0}, options),
                    at::zeros({0, dataset.train.targets.cols()}, options), at::Tensor()};
    result.models.push_back({network, metrics, false});
    result.summary.device = "cpu";
    result.summary.solver = "counting";
    return result;
  };
}

namespace {

class CancelTest : public ServerTest {
 protected:
  grpc::Status Cancel(const std::string& name, v1::Job* job) {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    request.set_name(name);
    return jobs_->CancelJob(&context, request, job);
  }
};

TEST_F(CancelTest, EndsARunningJobWithinAnEpochAndKeepsItsModel) {
  Start();
  auto request = ConvexJob(Spirals("s", 400), 100'000'000);
  request.mutable_job()->mutable_spec()->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(50);
  const std::string name = CreateOk(request);
  // QUEUED, RUNNING and the first epochs.
  Watch(name, 0, 3);
  v1::Job job;
  ASSERT_TRUE(Cancel(name, &job).ok());
  const v1::Job last = Finished(name);
  EXPECT_EQ(last.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(last.result().termination(), v1::TERMINATION_STOPPED);
  EXPECT_EQ(last.result().models_size(), 1);
  EXPECT_LT(last.latest().epoch(), 100'000'000);
}

TEST_F(CancelTest, EndsAQueuedJobAtOnce) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  Start();
  const std::string dataset = Spirals("s");
  const std::string running = CreateOk(ConvexJob(dataset));
  const std::string queued = CreateOk(ConvexJob(dataset));
  EXPECT_EQ(Get(queued).state(), v1::JOB_STATE_QUEUED);
  v1::Job job;
  ASSERT_TRUE(Cancel(queued, &job).ok());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  *gate = 10;
  EXPECT_EQ(Finished(running).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(CancelTest, KeepsNobodyWaitingThatReadsWhileItCannotBeWritten) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  Start();
  const std::string dataset = Spirals("s");
  const std::string running = CreateOk(ConvexJob(dataset));
  struct Call {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    v1::Job job;
    absl::Notification answered;
  };
  std::deque<Call> calls(8);
  for (Call& call : calls) call.request.set_name(CreateOk(ConvexJob(dataset)));
  Watch(running, 0, 2);
  {
    // Nobody else can write meanwhile.
    SQLite::Database database(options_.data_dir + "/cvxnn.sqlite3", SQLite::OPEN_READWRITE, 5000);
    SQLite::Transaction held(database, SQLite::TransactionBehavior::IMMEDIATE);
    for (Call& call : calls) {
      jobs_->async()->CancelJob(&call.context, &call.request, &call.job,
                                [&call](const grpc::Status&) { call.answered.Notify(); });
    }
    EXPECT_EQ(Get(running).state(), v1::JOB_STATE_RUNNING);
    EXPECT_FALSE(calls[0].answered.HasBeenNotified());
  }
  for (Call& call : calls) {
    call.answered.WaitForNotification();
    EXPECT_EQ(Finished(call.request.name()).state(), v1::JOB_STATE_CANCELLED);
  }
  *gate = 10;
}

TEST_F(CancelTest, OfAnEndedJobChangesNothing) {
  Start();
  const std::string name = CreateOk(ConvexJob(Spirals("s"), 2));
  Finished(name);
  v1::Job job;
  ASSERT_TRUE(Cancel(name, &job).ok());
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(Cancel("jobs/unknown", &job).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace cvxnn::server
