// SPDX-License-Identifier: Apache-2.0
// The calls of the client against services that lose answers, refuse, and damage bytes.
#include "client/cpp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "client/cpp/address.h"
#include "tests/client/cpp/fake_server.h"
#include "tests/client/cpp/vanishing_peer.h"

namespace cvxnn::client {
namespace {

using testing::ElementsAre;

std::string BytesOf(const std::vector<double>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

TEST(Connect, RefusesAnEmptyAddressAndNoTime) {
  EXPECT_EQ(Client::Connect("").status().code(), absl::StatusCode::kInvalidArgument);
  ConnectOptions options;
  options.timeout = absl::ZeroDuration();
  EXPECT_EQ(Client::Connect("127.0.0.1:1", options).status().code(), absl::StatusCode::kInvalidArgument);
  options = {};
  options.keepalive.timeout = absl::ZeroDuration();
  EXPECT_THAT(std::string(Client::Connect("127.0.0.1:1", options).status().message()),
              testing::HasSubstr("keepalive.timeout = 0"));
}

TEST(IsLoopback, KnowsTheNamesOfThisMachine) {
  for (const char* address : {"localhost", "localhost:50051", "LOCALHOST:1", "127.0.0.1:50051", "127.9.8.7", "[::1]:80",
                              "::1", "unix:/run/cvxnn.sock", "dns:///localhost:80", "ipv4:127.0.0.1:80"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
}

TEST(IsLoopback, IsNotTakenInByNamesThatBeginAlike) {
  for (const char* address : {"localhost.example.com:80", "127.0.0.1.example.com", "127.example.com:80", "128.0.0.1:80",
                              "[::2]:80", "[::1:2]:80", "dns:///localhost.example.com:80", "", ":80"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(Connect, AnswersUnavailableWhereNobodyListens) {
  ConnectOptions options;
  options.retry.max_attempts = 2;
  EXPECT_EQ(Client::Connect("127.0.0.1:1", options)->GetJob("jobs/1").status().code(), absl::StatusCode::kUnavailable);
}

TEST(CreateDataset, CutsArraysIntoCheckedChunks) {
  FakeServer server;
  const std::vector<double> features = {1, 2, 3, 4, 5, 6};
  const std::vector<double> targets = {1, -1, 1};
  CreateDatasetOptions options;
  options.header.set_dataset_id("small");
  options.header.set_task(v1::TASK_BINARY);
  options.chunk_bytes = 20;
  std::int64_t last_done = 0;
  std::int64_t last_total = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GT(done, last_done);
    last_done = done;
    last_total = total;
  };
  const auto dataset = server.Connect().CreateDataset(MatrixView<double>{features, 3, 2},
                                                      MatrixView<double>{targets, 3, 1}, {}, {}, options);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->name(), "datasets/small");
  EXPECT_TRUE(server.datasets.sound);
  EXPECT_EQ(server.datasets.largest_chunk, 20);
  EXPECT_EQ(server.datasets.arrays[v1::DATASET_ARRAY_FEATURES], BytesOf(features));
  EXPECT_EQ(server.datasets.arrays[v1::DATASET_ARRAY_TARGETS], BytesOf(targets));
  EXPECT_EQ(server.datasets.header.features().cols(), 2);
  EXPECT_EQ(server.datasets.header.features().data_type(), v1::DATA_TYPE_FLOAT64);
  EXPECT_FALSE(server.datasets.header.has_test_features());
  EXPECT_EQ(last_done, 9 * 8);
  EXPECT_EQ(last_total, 9 * 8);
}

TEST(CreateDataset, GoesOnBehindWhatArrivedBeforeACut) {
  for (const bool forgets : {false, true}) {
    FakeServer server;
    // More than the attempts of the policy where each brings something.
    server.datasets.cuts = forgets ? 2 : 8;
    server.datasets.forgets = forgets;
    std::vector<double> features(30);
    for (std::size_t i = 0; i < features.size(); ++i) features[i] = static_cast<double>(i);
    CreateDatasetOptions options;
    options.header.set_dataset_id("small");
    options.chunk_bytes = 12;
    const auto dataset = server.Connect().CreateDataset(
        MatrixView<double>{features, 15, 2}, MatrixView<double>{{features.data(), 15}, 15, 1}, {}, {}, options);
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    EXPECT_TRUE(server.datasets.sound);
    EXPECT_EQ(server.datasets.cuts, 0);
    EXPECT_EQ(server.datasets.arrays[v1::DATASET_ARRAY_FEATURES], BytesOf(features));
    EXPECT_GE(server.datasets.upload_ids[0].size(), 16);
    EXPECT_THAT(server.datasets.upload_ids, testing::Each(server.datasets.upload_ids[0]));
  }
}

TEST(CreateDataset, GivesUpWhenCutsBringNothing) {
  FakeServer server;
  server.datasets.cuts = 1000;
  server.datasets.forgets = true;
  const std::vector<double> values(30);
  CreateDatasetOptions options;
  options.chunk_bytes = 12;
  const auto dataset = server.Connect().CreateDataset(MatrixView<double>{values, 30, 1},
                                                      MatrixView<double>{values, 30, 1}, {}, {}, options);
  EXPECT_EQ(dataset.status(), absl::UnavailableError("cut"));
  EXPECT_EQ(server.datasets.cuts, 1000 - 5);
}

TEST(CreateDataset, SendsWhatADatasetSaysOfItself) {
  FakeServer server;
  data::Dataset dataset;
  dataset.train.features = data::Matrix(data::ElementType::kFloat32, 2, 4);
  dataset.train.targets = data::Matrix(data::ElementType::kFloat32, 2, 3);
  dataset.test.features = data::Matrix(data::ElementType::kFloat32, 1, 4);
  dataset.test.targets = data::Matrix(data::ElementType::kFloat32, 1, 3);
  dataset.description.task = data::Task::kMulticlass;
  dataset.description.class_names = {"a", "b", "c"};
  dataset.description.image_shape = data::ImageShape{1, 2, 2};
  ASSERT_TRUE(server.Connect().CreateDataset(dataset).ok());
  const v1::CreateDatasetHeader& header = server.datasets.header;
  EXPECT_EQ(header.task(), v1::TASK_MULTICLASS);
  EXPECT_THAT(header.class_names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(header.image_shape().height(), 2);
  EXPECT_EQ(header.test_features().rows(), 1);
  EXPECT_EQ(header.targets().data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(server.datasets.arrays[v1::DATASET_ARRAY_TEST_TARGETS].size(), 12);
}

TEST(CreateDataset, TellsWhyTheServerClosedTheStream) {
  FakeServer server;
  server.datasets.refusal = {grpc::StatusCode::ALREADY_EXISTS, "datasets/small exists"};
  const std::vector<float> big(4 << 20);
  const auto rows = static_cast<std::int64_t>(big.size());
  const auto dataset =
      server.Connect().CreateDataset(MatrixView<float>{big, rows, 1}, MatrixView<float>{big, rows, 1}, {}, {}, {});
  EXPECT_EQ(dataset.status(), absl::AlreadyExistsError("datasets/small exists"));
}

TEST(CreateDataset, RefusesViewsThatDoNotFitTheirShape) {
  FakeServer server;
  const std::vector<float> values(5);
  const auto dataset =
      server.Connect().CreateDataset(MatrixView<float>{values, 3, 2}, MatrixView<float>{values, 5, 1}, {}, {}, {});
  EXPECT_EQ(dataset.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(dataset.status().message()), testing::HasSubstr("features = 5 values for 3 rows of 2"));
}

/// A data set of one row goes up; `watch` learns when all of it has.
absl::StatusOr<v1::Dataset> Upload(const Client& client, CreateDatasetOptions options,
                                   const std::function<void()>& when_sent) {
  const std::vector<double> values = {1};
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (done == total) when_sent();
  };
  return client.CreateDataset(MatrixView<double>{values, 1, 1}, MatrixView<double>{values, 1, 1}, {}, {}, options);
}

TEST(CreateDataset, StopsWhenAskedThoughTheServerNeverAnswers) {
  FakeServer server;
  server.datasets.silent = true;
  std::stop_source source;
  CreateDatasetOptions options;
  options.stop = source.get_token();
  const auto dataset = Upload(server.Connect(), options, [&] { source.request_stop(); });
  EXPECT_EQ(dataset.status(), absl::CancelledError("stopped by the caller"));
}

TEST(CreateDataset, NoticesThatTheServerHasVanished) {
  FakeServer server;
  server.datasets.silent = true;
  VanishingPeer peer(server.port());
  ConnectOptions connect;
  connect.keepalive = {absl::Milliseconds(200), absl::Milliseconds(200)};
  connect.timeout = absl::Seconds(1);
  const auto dataset = Upload(server.Connect(connect, peer.port()), {}, [&] { peer.Vanish(); });
  EXPECT_EQ(dataset.status().code(), absl::StatusCode::kUnavailable) << dataset.status();
}

TEST(CreateJob, RepeatsTheSameRequestIdUntilAnAnswerArrives) {
  FakeServer server;
  server.jobs.create_failures = 3;
  const auto job = server.Connect().CreateJob({});
  ASSERT_TRUE(job.ok()) << job.status();
  ASSERT_EQ(server.jobs.request_ids.size(), 4);
  EXPECT_GE(server.jobs.request_ids[0].size(), 16);
  EXPECT_THAT(server.jobs.request_ids, testing::Each(server.jobs.request_ids[0]));
}

TEST(CreateJob, UsesADifferentIdForEveryJob) {
  FakeServer server;
  ASSERT_TRUE(server.Connect().CreateJob({}).ok());
  ASSERT_TRUE(server.Connect().CreateJob({}).ok());
  EXPECT_NE(server.jobs.request_ids[0], server.jobs.request_ids[1]);
}

TEST(CreateJob, GivesUpAfterTheAttemptsOfThePolicy) {
  FakeServer server;
  server.jobs.create_failures = 100;
  EXPECT_EQ(server.Connect().CreateJob({}).status(), absl::UnavailableError("draining"));
  EXPECT_EQ(server.jobs.request_ids.size(), 5);
}

TEST(ListJobs, FetchesAllPages) {
  FakeServer server;
  for (int i = 0; i < 20; ++i) server.jobs.jobs.emplace_back().set_name("jobs/" + std::to_string(i));
  const auto jobs = server.Connect().ListJobs({});
  ASSERT_TRUE(jobs.ok());
  ASSERT_EQ(jobs->size(), 20);
  EXPECT_EQ(jobs->back().name(), "jobs/19");
  EXPECT_EQ(server.Connect().ListJobs({}, 9)->size(), 9);
}

TEST(DeleteJob, CountsAsDoneWhenOnlyTheAnswerWasLost) {
  FakeServer server;
  EXPECT_TRUE(server.Connect().DeleteJob("jobs/1").ok());
  EXPECT_EQ(server.jobs.delete_calls, 2);
  EXPECT_EQ(server.Connect().DeleteJob("jobs/1").code(), absl::StatusCode::kNotFound);
}

class DownloadModel : public testing::Test {
 protected:
  DownloadModel() {
    for (int i = 0; i < 95; ++i) server_.models.file.push_back(static_cast<char>('a' + i % 26));
  }
  FakeServer server_;
  std::ostringstream out_;
};

TEST_F(DownloadModel, ResumesBehindTheLastGoodByte) {
  server_.models.faults = {{3, {grpc::StatusCode::UNAVAILABLE, "cut"}}, {2, grpc::Status::OK}};
  const auto header = server_.Connect().DownloadModel("models/1", out_);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(out_.str(), server_.models.file);
  EXPECT_EQ(header->total_bytes(), 95);
  EXPECT_THAT(server_.models.offsets, ElementsAre(0, 30, 50));
}

TEST_F(DownloadModel, FetchesADamagedChunkAgain) {
  server_.models.damaged_chunks = 1;
  ASSERT_TRUE(server_.Connect().DownloadModel("models/1", out_).ok());
  EXPECT_EQ(out_.str(), server_.models.file);
}

TEST_F(DownloadModel, ReportsDamageThatStays) {
  server_.models.damaged_chunks = 1000;
  EXPECT_EQ(server_.Connect().DownloadModel("models/1", out_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(DownloadModel, GivesAnEmptyFileToo) {
  server_.models.file.clear();
  EXPECT_TRUE(server_.Connect().DownloadModel("models/1", out_).ok());
}

TEST_F(DownloadModel, FailsWhenTheOutputCannotBeWritten) {
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(server_.Connect().DownloadModel("models/1", out_).status().code(), absl::StatusCode::kInternal);
}

TEST(Predict, JoinsTheAnswersOfSeveralRequests) {
  FakeServer server;
  constexpr std::int64_t kRows = 1000;
  constexpr std::int64_t kColumns = 700;  // 5.6 MB: more than one message may hold
  data::Matrix rows(data::ElementType::kFloat64, kRows, kColumns);
  auto* values = static_cast<double*>(rows.mutable_data());
  for (std::int64_t i = 0; i < kRows; ++i) values[i * kColumns] = static_cast<double>(i) - 500;
  const auto predictions = server.Connect().Predict("models/1", rows, false);
  ASSERT_TRUE(predictions.ok()) << predictions.status();
  EXPECT_GT(server.models.predicted_rows.size(), 1);
  ASSERT_EQ(predictions->outputs.rows(), kRows);
  for (std::int64_t i = 0; i < kRows; ++i) EXPECT_EQ(predictions->outputs.at(i, 0), 2.0 * static_cast<double>(i - 500));
  EXPECT_EQ(predictions->classes.size(), kRows);
  EXPECT_EQ(predictions->classes[499], 0);
  EXPECT_EQ(predictions->classes[501], 1);
}

TEST(CheckHealth, AsksTheStandardService) {
  FakeServer server;
  const auto serving = server.Connect().CheckHealth();
  ASSERT_TRUE(serving.ok()) << serving.status();
  EXPECT_TRUE(*serving);
  EXPECT_EQ(server.Connect().CheckHealth("no.such.Service").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cvxnn::client
