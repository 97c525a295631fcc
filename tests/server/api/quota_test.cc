// SPDX-License-Identifier: Apache-2.0
// What one principal may have: jobs, bytes and bytes per second; and the line that is kept of each change.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "server/api/quotas.h"
#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::HasSubstr;

class QuotaTest : public ServerTest {
 protected:
  std::string Violation(const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    rpc::Status details;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    for (const auto& detail : details.details()) {
      rpc::QuotaFailure failure;
      if (detail.type_url() != "type.googleapis.com/google.rpc.QuotaFailure") continue;
      EXPECT_TRUE(failure.ParseFromString(detail.value()));
      return failure.violations(0).subject();
    }
    return "";
  }
};

TEST_F(QuotaTest, LimitsJobsThatHaveNotEnded) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  options_.quota.jobs = 2;
  Start();
  const std::string dataset = Spirals("s");
  auto request = ConvexJob(dataset);
  request.set_request_id("first");
  v1::Job first, second, third;
  ASSERT_TRUE(Create(request, &first).ok());
  ASSERT_TRUE(Create(ConvexJob(dataset), &second).ok());
  const grpc::Status refused = Create(ConvexJob(dataset), &third);
  EXPECT_EQ(Violation(refused), "jobs");
  EXPECT_THAT(refused.error_message(), HasSubstr("at most 2"));
  EXPECT_TRUE(Create(request, &first).ok()) << "the same request again is no other job";
  *gate = 1;
  Finished(first.name());
  Finished(second.name());
  // A job counts until its slot is free, a moment after its end is told.
  while (!Create(ConvexJob(dataset), &third).ok()) absl::SleepFor(absl::Milliseconds(1));
  Finished(third.name());
}

TEST_F(QuotaTest, LimitsBytesOfDataSetsAndModels) {
  options_.quota.bytes = 4000;
  Start();
  const std::string small = Spirals("small");
  grpc::ClientContext context;
  v1::GenerateDatasetRequest large;
  large.mutable_gaussian()->set_rows(100);
  large.mutable_gaussian()->set_cols(10);
  large.mutable_gaussian()->set_label_rule(v1::LABEL_RULE_SIGN);
  v1::Dataset dataset;
  EXPECT_EQ(Violation(datasets_->GenerateDataset(&context, large, &dataset)), "bytes stored");
  grpc::ClientContext deleting;
  google::protobuf::Empty empty;
  v1::DeleteDatasetRequest request;
  request.set_name(small);
  ASSERT_TRUE(datasets_->DeleteDataset(&deleting, request, &empty).ok());
  grpc::ClientContext again;
  large.mutable_gaussian()->set_rows(20);
  EXPECT_TRUE(datasets_->GenerateDataset(&again, large, &dataset).ok());
}

/// Uploads `rows` rows of 30 inputs as data set `id`, in pieces of 50 rows.
grpc::Status Upload(v1::DatasetService::Stub& datasets, const std::string& id, int rows, v1::Dataset* stored) {
  constexpr int kCols = 30, kPiece = 50;
  v1::CreateDatasetRequest request;
  v1::CreateDatasetHeader& header = *request.mutable_header();
  header.set_dataset_id(id);
  header.set_task(v1::TASK_REGRESSION);
  for (v1::MatrixShape* shape : {header.mutable_features(), header.mutable_targets()}) {
    shape->set_rows(rows);
    shape->set_cols(shape == header.mutable_features() ? kCols : 1);
    shape->set_data_type(v1::DATA_TYPE_FLOAT32);
  }
  grpc::ClientContext context;
  const auto writer = datasets.CreateDataset(&context, stored);
  writer->Write(request);
  const auto send = [&](v1::DatasetArray array, int cols) {
    for (int row = 0; row < rows; row += kPiece) {
      const std::vector<float> values(static_cast<std::size_t>(kPiece * cols), 1.5F);
      v1::DatasetChunk& chunk = *request.mutable_chunk();
      chunk.set_array(array);
      chunk.set_offset(static_cast<std::int64_t>(row) * cols * std::int64_t{sizeof(float)});
      chunk.set_data(values.data(), values.size() * sizeof(float));
      chunk.set_crc32(Crc32(chunk.data().data(), chunk.data().size()));
      if (!writer->Write(request)) return;
    }
  };
  send(v1::DATASET_ARRAY_FEATURES, kCols);
  send(v1::DATASET_ARRAY_TARGETS, 1);
  writer->WritesDone();
  return writer->Finish();
}

TEST_F(QuotaTest, HoldsBackUploadsToTheRateOfTheirPrincipal) {
  constexpr int kRows = 250;
  constexpr std::int64_t kBytes = kRows * (30 + 1) * std::int64_t{sizeof(float)};
  constexpr std::int64_t kRate = 40'000;
  options_.quota.upload_bytes_per_second = kRate;
  Start();
  std::array<v1::Dataset, 2> stored;
  std::array<grpc::Status, 2> ended;
  const absl::Time begun = absl::Now();
  {
    // Both count, at the same time, to the one who sends them.
    std::vector<std::jthread> uploads;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      uploads.emplace_back([&, i] { ended[i] = Upload(*datasets_, absl::StrCat("up", i), kRows, &stored[i]); });
    }
  }
  const absl::Duration took = absl::Now() - begun;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    EXPECT_TRUE(ended[i].ok()) << ended[i].error_message();
    EXPECT_EQ(stored[i].features().rows(), kRows);
  }
  EXPECT_EQ(StoredDatasets(), 2u);
  // A second's worth may come at once. However slow the machine is, the rest cannot have come faster than the rate.
  EXPECT_GE(took, absl::Seconds(static_cast<double>(2 * kBytes - kRate) / kRate));
}

TEST_F(QuotaTest, KeepsALineOfEveryChange) {
  Start();
  testing::internal::CaptureStderr();
  ASSERT_TRUE(SetUpLog("json", "error").ok());
  const std::string dataset = Spirals("s");
  const std::string job = CreateOk(ConvexJob(dataset));
  Finished(job);
  v1::DeleteDatasetRequest request;
  request.set_name("datasets/none");
  grpc::ClientContext context;
  google::protobuf::Empty empty;
  EXPECT_EQ(datasets_->DeleteDataset(&context, request, &empty).error_code(), grpc::StatusCode::NOT_FOUND);
  Stop();
  ASSERT_TRUE(SetUpLog("text", "off").ok());
  std::vector<std::string> audited;
  std::istringstream lines(testing::internal::GetCapturedStderr());
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    ASSERT_EQ(json.at("msg"), "audit") << line;
    EXPECT_EQ(json.at("level"), "notice");
    audited.push_back(absl::StrCat(json.at("what").get<std::string>(), " ", json.at("resource").get<std::string>(), " ",
                                   json.at("outcome").get<std::string>()));
  }
  EXPECT_THAT(audited, ::testing::ElementsAre("DatasetService.GenerateDataset " + dataset + " OK",
                                              "JobService.CreateJob " + job + " OK",
                                              "DatasetService.DeleteDataset datasets/none NOT_FOUND"));
}

TEST(UploadRates, LetASecondsWorthComeAtOnce) {
  UploadRates rates;
  const Caller limited{"ada", {{}, {}, 100}};
  absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(rates.Pause(limited, 100, now), absl::ZeroDuration());
  EXPECT_EQ(rates.Pause(limited, 50, now), absl::Milliseconds(500));
  EXPECT_EQ(rates.Pause(limited, 50, now), absl::Seconds(1));
  EXPECT_EQ(rates.Pause({"bob", {{}, {}, 100}}, 100, now), absl::ZeroDuration()) << "each has his own";
  now += absl::Seconds(1);
  EXPECT_EQ(rates.Pause(limited, 100, now), absl::Seconds(1));
  now += absl::Hours(1);
  EXPECT_EQ(rates.Pause(limited, 100, now), absl::ZeroDuration()) << "silence saves no more than a second's worth";
  EXPECT_EQ(rates.Pause(limited, 100, now), absl::Seconds(1));
  EXPECT_EQ(rates.Pause({"eve", {}}, std::int64_t{1} << 60, now), absl::ZeroDuration());
}

}  // namespace
}  // namespace cvxnn::server
