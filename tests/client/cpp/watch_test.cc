// SPDX-License-Identifier: Apache-2.0
// Watching a job over a connection that fails in every way we know: each epoch arrives once, in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cpp/fake_server.h"

namespace cvxnn::client {
namespace {

using testing::ElementsAre;

constexpr int kEpochs = 6;

class WatchJob : public testing::Test {
 protected:
  WatchJob() {
    server_.jobs.AddState(v1::JOB_STATE_RUNNING);
    for (int i = 0; i < kEpochs; ++i) server_.jobs.AddEpoch();
    server_.jobs.AddState(v1::JOB_STATE_SUCCEEDED);
    server_.jobs.final_job.set_name("jobs/1");
    server_.jobs.final_job.set_state(v1::JOB_STATE_SUCCEEDED);
  }

  absl::StatusOr<v1::Job> Watch(WatchJobOptions options = {}) {
    options.on_interruption = [this](const Interruption&) { ++interruptions_; };
    return server_.Connect().WatchJob("jobs/1", options, [this](const v1::WatchJobResponse& response) {
      for (const v1::EpochMetrics& epoch : response.metrics().epochs()) epochs_.push_back(epoch.epoch());
      if (response.has_state_change()) ++state_changes_;
      return true;
    });
  }

  void ExpectEverythingOnce(const absl::StatusOr<v1::Job>& job) {
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->state(), v1::JOB_STATE_SUCCEEDED);
    EXPECT_THAT(epochs_, ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_EQ(state_changes_, 2);
  }

  FakeServer server_;
  std::vector<std::int64_t> epochs_;
  int state_changes_ = 0;
  int interruptions_ = 0;
};

TEST_F(WatchJob, DeliversEveryRecordAndTheFinalJob) {
  ExpectEverythingOnce(Watch());
  EXPECT_EQ(interruptions_, 0);
}

TEST_F(WatchJob, ResumesAfterEveryCut) {
  for (int i = 0; i < 8; ++i) server_.jobs.faults.push_back({1, {grpc::StatusCode::UNAVAILABLE, "cut"}});
  ExpectEverythingOnce(Watch());
  EXPECT_EQ(interruptions_, 8);
  EXPECT_THAT(server_.jobs.resumed_after, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
}

TEST_F(WatchJob, TakesStreamsUpAgainThatDyingServersBreak) {
  server_.jobs.faults = {{2, {grpc::StatusCode::INTERNAL, "Received RST_STREAM with error code 2"}},
                         {1, {grpc::StatusCode::CANCELLED, "shutting down"}},
                         {1, {grpc::StatusCode::UNKNOWN, "Stream removed"}}};
  ExpectEverythingOnce(Watch());
  EXPECT_THAT(server_.jobs.resumed_after, ElementsAre(0, 2, 3, 4));
}

TEST_F(WatchJob, TakesAnEndWithoutALastRecordForACut) {
  server_.jobs.faults = {{3, grpc::Status::OK}};
  ExpectEverythingOnce(Watch());
  EXPECT_THAT(server_.jobs.resumed_after, ElementsAre(0, 3));
}

TEST_F(WatchJob, NoticesASilentStream) {
  server_.jobs.faults = {{4, grpc::Status::OK, true}};
  WatchJobOptions options;
  options.heartbeat_interval = absl::Milliseconds(100);
  ExpectEverythingOnce(Watch(options));
  EXPECT_THAT(server_.jobs.resumed_after, ElementsAre(0, 4));
}

TEST_F(WatchJob, DropsRecordsThatTheServerRepeats) {
  server_.jobs.repeat_records = 2;
  server_.jobs.faults = {{4, {grpc::StatusCode::UNAVAILABLE, "cut"}}};
  ExpectEverythingOnce(Watch());
}

TEST_F(WatchJob, CutsKnownEpochsOutOfABatch) {
  server_.jobs.log.erase(server_.jobs.log.begin() + 1, server_.jobs.log.end());
  v1::WatchJobResponse& batch = server_.jobs.log.emplace_back();
  batch.mutable_metrics()->set_first_sequence(2);
  for (int i = 1; i <= 6; ++i) batch.mutable_metrics()->add_epochs()->set_epoch(i);
  batch.set_sequence(7);
  server_.jobs.repeat_records = 100;
  server_.jobs.last_sequence_of_end = 7;
  WatchJobOptions options;
  options.after_sequence = 4;
  const auto job = Watch(options);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(epochs_, ElementsAre(4, 5, 6));
}

TEST_F(WatchJob, ReportsAHoleThatStaysAsDataLoss) {
  server_.jobs.log.erase(server_.jobs.log.begin() + 3);
  const auto job = Watch();
  EXPECT_EQ(job.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(epochs_, ElementsAre(1, 2));
}

TEST_F(WatchJob, GoesOnOverEventsOfALaterContract) {
  server_.jobs.log[2].clear_event();                   // one record of a kind that this client does not know
  v1::WatchJobResponse several = server_.jobs.log[4];  // and several records in one such event
  several.clear_event();
  server_.jobs.log[4] = several;
  server_.jobs.log.erase(server_.jobs.log.begin() + 3);
  server_.jobs.last_sequence_of_end = 8;
  const auto job = Watch();
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(epochs_, ElementsAre(1, 5, 6));
  EXPECT_EQ(interruptions_, 0);
}

TEST_F(WatchJob, TakesAHeartbeatAheadOfTheLogForAHole) {
  v1::WatchJobResponse heartbeat;
  heartbeat.set_sequence(5);
  heartbeat.mutable_heartbeat();
  server_.jobs.log.insert(server_.jobs.log.begin() + 3, heartbeat);
  EXPECT_EQ(Watch().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(epochs_, ElementsAre(1, 2));
}

TEST_F(WatchJob, EndsWithAnErrorThatIsNoBrokenStream) {
  server_.jobs.faults = {{2, {grpc::StatusCode::NOT_FOUND, "jobs/1: deleted"}}};
  EXPECT_EQ(Watch().status(), absl::NotFoundError("jobs/1: deleted"));
}

TEST_F(WatchJob, StopsWhenAsked) {
  server_.jobs.faults = {{4, grpc::Status::OK, true}};
  std::stop_source source;
  WatchJobOptions options;
  options.stop = source.get_token();
  const auto job = server_.Connect().WatchJob("jobs/1", options, [&](const v1::WatchJobResponse& response) {
    if (response.sequence() == 4) source.request_stop();
    return true;
  });
  EXPECT_EQ(job.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(WatchJob, StopsWhenTheCallbackHasEnough) {
  const auto job = server_.Connect().WatchJob("jobs/1", {}, [&](const v1::WatchJobResponse& response) {
    epochs_.push_back(response.sequence());
    return epochs_.size() < 3;
  });
  EXPECT_EQ(job.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(epochs_, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace cvxnn::client
