// SPDX-License-Identifier: Apache-2.0
// Uploads that have a name go on where their last stream was cut, and are made once.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

class UploadResumeTest : public ServerTest {
 protected:
  static constexpr std::int64_t kRows = 16, kCols = 400'000;  // large enough to be written while it arrives
  static constexpr std::int64_t kChunkBytes = 1'000'001;      // ends within elements

  void SetUp() override {
    ServerTest::SetUp();
    header_.set_task(v1::TASK_REGRESSION);
    header_.set_upload_id("by hand");
    SetShape(header_.mutable_features(), kRows, kCols);
    SetShape(header_.mutable_targets(), kRows, 1);
    std::vector<float> values(static_cast<std::size_t>(kRows * kCols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1021);
    features_.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    targets_.assign(kRows * sizeof(float), '\0');
  }
  static void SetShape(v1::MatrixShape* shape, std::int64_t rows, std::int64_t cols) {
    shape->set_rows(rows);
    shape->set_cols(cols);
    shape->set_data_type(v1::DATA_TYPE_FLOAT32);
  }

  // A stream with the header, which the test writes to.
  struct Stream {
    grpc::ClientContext context;
    v1::Dataset stored;
    std::unique_ptr<grpc::ClientWriter<v1::CreateDatasetRequest>> writer;
  };
  std::unique_ptr<Stream> Open() {
    auto stream = std::make_unique<Stream>();
    stream->writer = datasets_->CreateDataset(&stream->context, &stream->stored);
    v1::CreateDatasetRequest request;
    *request.mutable_header() = header_;
    EXPECT_TRUE(stream->writer->Write(request));
    return stream;
  }
  bool SendArray(Stream* stream, v1::DatasetArray array, const std::string& data, std::int64_t from, std::int64_t to) {
    for (std::int64_t offset = from; offset < to;) {
      const std::string piece =
          data.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(std::min(kChunkBytes, to - offset)));
      v1::CreateDatasetRequest request;
      request.mutable_chunk()->set_array(array);
      request.mutable_chunk()->set_offset(offset);
      request.mutable_chunk()->set_data(piece);
      request.mutable_chunk()->set_crc32(Crc32(piece.data(), piece.size()));
      if (!stream->writer->Write(request)) return false;
      offset += static_cast<std::int64_t>(piece.size());
    }
    return true;
  }
  // Messages of uploads that the server has read.
  std::int64_t MessagesRead() const {
    std::istringstream metrics(server_->Metrics());
    for (std::string line; std::getline(metrics, line);) {
      if (line.rfind("grpc_server_msg_received_total{", 0) == 0 &&
          line.find("\"CreateDataset\"") != std::string::npos) {
        return std::stoll(line.substr(line.rfind(' ') + 1));
      }
    }
    return 0;
  }
  // Until the server has read a chunk beyond `before`, so that it knows the upload.
  void WaitUntilBegun(std::int64_t before) const {
    while (MessagesRead() < before + 2) absl::SleepFor(absl::Milliseconds(1));
  }
  // Cuts a stream after the targets and `bytes` of the features.
  void Cut(std::int64_t bytes) {
    const std::int64_t before = MessagesRead();
    const auto stream = Open();
    ASSERT_TRUE(SendArray(stream.get(), v1::DATASET_ARRAY_TARGETS, targets_, 0, std::ssize(targets_)));
    ASSERT_TRUE(SendArray(stream.get(), v1::DATASET_ARRAY_FEATURES, features_, 0, bytes));
    WaitUntilBegun(before);
    stream->context.TryCancel();
    EXPECT_EQ(stream->writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  grpc::Status Ask(v1::UploadStatus* status) {
    v1::GetUploadRequest request;
    request.set_upload_id(header_.upload_id());
    for (;;) {
      grpc::ClientContext context;
      status->Clear();
      const grpc::Status answer = datasets_->GetUpload(&context, request, status);
      // The stream that was cut has not yet let go.
      if (answer.error_code() != grpc::StatusCode::UNAVAILABLE) return answer;
      absl::SleepFor(absl::Milliseconds(2));
    }
  }
  static std::int64_t Committed(const v1::UploadStatus& status, v1::DatasetArray array) {
    for (const auto& committed : status.arrays()) {
      if (committed.array() == array) return committed.bytes();
    }
    return -1;
  }
  // Sends what is missing.
  grpc::Status GoOn(v1::Dataset* stored) {
    v1::UploadStatus status;
    EXPECT_TRUE(Ask(&status).ok());
    const auto stream = Open();
    SendArray(stream.get(), v1::DATASET_ARRAY_TARGETS, targets_, Committed(status, v1::DATASET_ARRAY_TARGETS),
              std::ssize(targets_));
    SendArray(stream.get(), v1::DATASET_ARRAY_FEATURES, features_, Committed(status, v1::DATASET_ARRAY_FEATURES),
              std::ssize(features_));
    stream->writer->WritesDone();
    const grpc::Status end = stream->writer->Finish();
    *stored = stream->stored;
    return end;
  }

  v1::CreateDatasetHeader header_;
  std::string features_, targets_;
};

TEST_F(UploadResumeTest, GoesOnWhereItWasCutAndIsMadeOnce) {
  Start();
  Cut(5 * kChunkBytes);
  v1::UploadStatus status;
  ASSERT_TRUE(Ask(&status).ok());
  EXPECT_FALSE(status.has_dataset());
  EXPECT_EQ(Committed(status, v1::DATASET_ARRAY_TARGETS) % 4, 0);
  EXPECT_LE(Committed(status, v1::DATASET_ARRAY_FEATURES), 5 * kChunkBytes);
  v1::Dataset stored;
  const grpc::Status end = GoOn(&stored);
  ASSERT_TRUE(end.ok()) << end.error_message();
  std::ifstream file(options_.data_dir + "/datasets/" + stored.uid() + "/features.bin", std::ios::binary);
  EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(file), {}) == features_);
  EXPECT_EQ(StoredDatasets(), 1U);

  // Whose answer was lost asks again, also after a restart, and sends no number twice.
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(Ask(&status).ok());
    EXPECT_EQ(status.dataset().name(), stored.name());
    const auto stream = Open();
    EXPECT_TRUE(stream->writer->Finish().ok());
    EXPECT_EQ(stream->stored.uid(), stored.uid());
    Stop();
    Start();
  }
  EXPECT_EQ(StoredDatasets(), 1U);
  header_.mutable_features()->set_rows(kRows - 1);
  header_.mutable_targets()->set_rows(kRows - 1);
  const auto other = Open();
  EXPECT_EQ(other->writer->Finish().error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(UploadResumeTest, TakesOverAStreamThatIsStillOpen) {
  Start();
  const std::int64_t before = MessagesRead();
  const auto stale = Open();
  ASSERT_TRUE(SendArray(stale.get(), v1::DATASET_ARRAY_FEATURES, features_, 0, 3 * kChunkBytes));
  WaitUntilBegun(before);
  v1::Dataset stored;
  // Asking makes the server close the other stream.
  const grpc::Status end = GoOn(&stored);
  EXPECT_TRUE(end.ok()) << end.error_message();
  EXPECT_EQ(stale->writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(UploadResumeTest, IsForgottenAfterAWhile) {
  options_.limits.upload_patience = absl::Milliseconds(50);
  Start();
  Cut(2 * kChunkBytes);
  v1::UploadStatus status;
  while (Ask(&status).ok()) absl::SleepFor(absl::Milliseconds(2));
  EXPECT_EQ(Ask(&status).error_code(), grpc::StatusCode::NOT_FOUND);
  // What was written of it, too.
  while (!std::filesystem::is_empty(options_.data_dir + "/datasets")) absl::SleepFor(absl::Milliseconds(1));
}

TEST_F(UploadResumeTest, MakesRoomForOthers) {
  options_.limits.max_dataset_bytes = 30'000'000;
  Start();
  Cut(2 * kChunkBytes);
  v1::UploadStatus status;
  ASSERT_TRUE(Ask(&status).ok());
  const std::string first = header_.upload_id();
  header_.set_upload_id("another");
  const auto stream = Open();
  SendArray(stream.get(), v1::DATASET_ARRAY_TARGETS, targets_, 0, std::ssize(targets_));
  SendArray(stream.get(), v1::DATASET_ARRAY_FEATURES, features_, 0, std::ssize(features_));
  stream->writer->WritesDone();
  const grpc::Status end = stream->writer->Finish();
  EXPECT_TRUE(end.ok()) << end.error_message();
  header_.set_upload_id(first);
  EXPECT_EQ(Ask(&status).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(UploadResumeTest, SurvivesADamagedChunk) {
  Start();
  {
    const auto stream = Open();
    v1::CreateDatasetRequest request;
    request.mutable_chunk()->set_array(v1::DATASET_ARRAY_FEATURES);
    request.mutable_chunk()->set_data("four");
    stream->writer->Write(request);
    EXPECT_EQ(stream->writer->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
  }
  v1::Dataset stored;
  EXPECT_TRUE(GoOn(&stored).ok());
}

TEST_F(UploadResumeTest, WithoutANameNothingIsKept) {
  Start();
  header_.clear_upload_id();
  Cut(2 * kChunkBytes);
  header_.set_upload_id("x\n");
  v1::UploadStatus status;
  EXPECT_THAT(ViolatedFields(Ask(&status)), ::testing::ElementsAre("upload_id"));
  const auto stream = Open();
  EXPECT_THAT(ViolatedFields(stream->writer->Finish()), ::testing::ElementsAre("header.upload_id"));
  header_.clear_upload_id();
  EXPECT_EQ(Ask(&status).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace cvxnn::server
