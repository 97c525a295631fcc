// SPDX-License-Identifier: Apache-2.0
// Watching: nothing lost, nothing repeated, an explicit end, and signs of life in between.
#include <gmock/gmock.h>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::ElementsAre;

// One line per record of a log: what a client knows after it has received these messages.
std::vector<std::string> Records(const std::vector<v1::WatchJobResponse>& messages) {
  std::vector<std::string> records;
  for (const auto& message : messages) {
    if (message.has_state_change()) records.push_back(message.state_change().ShortDebugString());
    std::int64_t sequence = message.metrics().first_sequence();
    for (const auto& epoch : message.metrics().epochs()) {
      records.push_back(std::to_string(sequence++) + " " + epoch.ShortDebugString());
    }
  }
  return records;
}

using WatchTest = ServerTest;

TEST_F(WatchTest, GivesEveryEpochOnceAndEndsWithTheFinalJob) {
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s"), 1500));
  grpc::Status status;
  const auto messages = Watch(job, 0, SIZE_MAX, &status);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(messages.back().has_end());
  EXPECT_EQ(messages.back().end().job().state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(messages.back().sequence(), messages.back().end().job().last_sequence());
  std::int64_t epoch = 0, sequence = 0;
  for (const auto& message : messages) {
    EXPECT_LE(message.metrics().epochs_size(), 512);
    EXPECT_LT(message.ByteSizeLong(), std::size_t{1} << 20);
    for (const auto& metrics : message.metrics().epochs()) EXPECT_EQ(metrics.epoch(), ++epoch);
    if (message.has_state_change()) {
      EXPECT_EQ(message.sequence(), ++sequence);
    }
    if (message.has_metrics()) {
      EXPECT_EQ(message.metrics().first_sequence(), sequence + 1);
      sequence += message.metrics().epochs_size();
      EXPECT_EQ(message.sequence(), sequence);
    }
  }
  EXPECT_EQ(epoch, messages.back().end().job().result().epochs());
  EXPECT_GT(epoch, 512) << "more than one message";
}

TEST_F(WatchTest, GoesOnAfterAReconnectAsIfItHadNeverBroken) {
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s"), 1500));
  const auto whole = Records(Watch(job));
  std::vector<v1::WatchJobResponse> pieces;
  std::int64_t after = 0;
  // A new stream for every message, then single records, which lie within messages.
  for (const auto& message : Watch(job)) {
    if (message.has_end()) break;
    const auto next = Watch(job, after, 1);
    ASSERT_EQ(next.size(), 1u);
    pieces.push_back(next[0]);
    after = next[0].sequence();
    if (after >= 700) break;
  }
  const auto rest = Watch(job, after);
  pieces.insert(pieces.end(), rest.begin(), rest.end());
  EXPECT_EQ(Records(pieces), whole);
  for (const std::int64_t sequence : {1, 2, 3, 17, 511, 513, 1000}) {
    const auto tail = Records(Watch(job, sequence));
    EXPECT_EQ(tail, std::vector<std::string>(whole.begin() + sequence, whole.end())) << sequence;
  }
}

TEST_F(WatchTest, SeesALiveJobAsItRuns) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(2);
  options_.trainer = CountingTrainer(5, gate);
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s")));
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job);
  auto reader = jobs_->WatchJob(&context, request);
  std::int64_t epochs = 0;
  v1::WatchJobResponse message;
  while (epochs < 2 && reader->Read(&message)) epochs += message.metrics().epochs_size();
  EXPECT_EQ(epochs, 2);
  *gate = 100;
  while (reader->Read(&message)) epochs += message.metrics().epochs_size();
  EXPECT_EQ(epochs, 5);
  EXPECT_TRUE(message.has_end());
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WatchTest, SendsHeartbeatsThatRepeatTheSequence) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(1);
  options_.trainer = CountingTrainer(2, gate);
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s")));
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job);
  request.mutable_heartbeat_interval()->set_nanos(100'000'000);
  auto reader = jobs_->WatchJob(&context, request);
  int beats = 0;
  std::int64_t sequence = 0;
  v1::WatchJobResponse message;
  while (beats < 3 && reader->Read(&message)) {
    if (message.has_heartbeat()) {
      ++beats;
      EXPECT_EQ(message.sequence(), sequence);
    }
    sequence = message.sequence();
  }
  EXPECT_EQ(beats, 3);
  *gate = 100;
  while (reader->Read(&message)) {
  }
  EXPECT_TRUE(message.has_end());
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WatchTest, LeavesOutTheOldestForReadersWhoWantThePresent) {
  Start();
  const std::string name = CreateOk(ConvexJob(Spirals("s"), 1500));
  const std::int64_t last = Finished(name).last_sequence();
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_max_behind(100);
  grpc::ClientContext context;
  auto reader = jobs_->WatchJob(&context, request);
  v1::WatchJobResponse message;
  ASSERT_TRUE(reader->Read(&message));
  ASSERT_TRUE(message.has_skipped()) << message.ShortDebugString();
  EXPECT_EQ(message.skipped().first_sequence(), 1);
  EXPECT_EQ(message.skipped().last_sequence(), last - 50);
  EXPECT_EQ(message.sequence(), last - 50);
  EXPECT_EQ(message.skipped().job().state(), v1::JOB_STATE_SUCCEEDED);
  std::vector<v1::WatchJobResponse> rest;
  while (reader->Read(&message)) rest.push_back(message);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(Records(rest).size(), 50U);
  EXPECT_TRUE(rest.back().has_end());
  // What was left out is still there, and resuming behind the mark gives the same rest.
  EXPECT_EQ(Records(Watch(name)).size(), static_cast<std::size_t>(last));
  EXPECT_EQ(Records(Watch(name, last - 50)), Records(rest));
}

TEST_F(WatchTest, RefusesBadRequests) {
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s"), 3));
  Finished(job);
  grpc::Status status;
  Watch("jobs/unknown", 0, 1, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  Watch("unknown", 0, 1, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Watch(job, -1, 1, &status);
  EXPECT_THAT(ViolatedFields(status), ElementsAre("after_sequence"));
  Watch(job, 1000, 1, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job);
  request.mutable_heartbeat_interval()->set_seconds(7200);
  v1::WatchJobResponse message;
  auto reader = jobs_->WatchJob(&context, request);
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_THAT(ViolatedFields(reader->Finish()), ElementsAre("heartbeat_interval"));
}

TEST_F(WatchTest, OfManyJobsBeginsWithWhatIsThereAndGoesOnWithChanges) {
  Start();
  const std::string dataset = Spirals("s");
  const std::string before = CreateOk(ConvexJob(dataset, 3));
  Finished(before);
  grpc::ClientContext context;
  v1::WatchJobsRequest request;
  request.mutable_filter()->set_dataset(dataset);
  request.mutable_min_interval()->set_nanos(50'000'000);
  auto reader = jobs_->WatchJobs(&context, request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.job().name(), before);
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.has_synchronized());
  const std::string after = CreateOk(ConvexJob(dataset, 3));
  while (reader->Read(&message)) {
    if (message.has_heartbeat()) continue;
    EXPECT_EQ(message.job().name(), after);
    if (message.job().state() == v1::JOB_STATE_SUCCEEDED) break;
  }
  grpc::ClientContext delete_context;
  v1::DeleteJobRequest remove;
  remove.set_name(after);
  google::protobuf::Empty empty;
  ASSERT_TRUE(jobs_->DeleteJob(&delete_context, remove, &empty).ok());
  while (reader->Read(&message) && message.event_case() != v1::WatchJobsResponse::kDeleted) {
  }
  EXPECT_EQ(message.deleted(), after);
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace cvxnn::server
