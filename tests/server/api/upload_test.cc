// SPDX-License-Identifier: Apache-2.0
// Uploads through the RPC: what arrives is what was sent, and what is wrong leaves nothing behind.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string Bytes(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

class UploadTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Start();
    header_.set_dataset_id("up");
    header_.set_task(v1::TASK_BINARY);
    SetShape(header_.mutable_features(), 3, 2);
    SetShape(header_.mutable_targets(), 3, 1);
  }

  static void SetShape(v1::MatrixShape* shape, std::int64_t rows, std::int64_t cols) {
    shape->set_rows(rows);
    shape->set_cols(cols);
    shape->set_data_type(v1::DATA_TYPE_FLOAT32);
  }
  static v1::CreateDatasetRequest Chunk(v1::DatasetArray array, std::int64_t offset, const std::string& data) {
    v1::CreateDatasetRequest request;
    auto* chunk = request.mutable_chunk();
    chunk->set_array(array);
    chunk->set_offset(offset);
    chunk->set_data(data);
    chunk->set_crc32(Crc32(data.data(), data.size()));
    return request;
  }
  std::vector<v1::CreateDatasetRequest> Whole() const {
    v1::CreateDatasetRequest header;
    *header.mutable_header() = header_;
    return {header, Chunk(v1::DATASET_ARRAY_FEATURES, 0, features_), Chunk(v1::DATASET_ARRAY_TARGETS, 0, targets_)};
  }
  grpc::Status Send(const std::vector<v1::CreateDatasetRequest>& requests) {
    grpc::ClientContext context;
    stored_.Clear();
    auto writer = datasets_->CreateDataset(&context, &stored_);
    for (const auto& request : requests) {
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }
  void ExpectRefused(const std::vector<v1::CreateDatasetRequest>& requests, grpc::StatusCode code,
                     const std::string& text) {
    const grpc::Status status = Send(requests);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(text));
    EXPECT_EQ(StoredDatasets(), 0u);
  }
  void ExpectHeaderRefused(const std::string& field) {
    const grpc::Status status = Send(Whole());
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_THAT(ViolatedFields(status), ::testing::Contains("header." + field)) << status.error_message();
    EXPECT_EQ(StoredDatasets(), 0u);
  }

  v1::CreateDatasetHeader header_;
  std::string features_ = Bytes({1, 2, 3, 4, 5, 6});
  std::string targets_ = Bytes({-1, 1, 1});
  v1::Dataset stored_;
};

TEST_F(UploadTest, StoresWhatWasSentInPiecesThatEndWithinElements) {
  auto requests = Whole();
  requests.pop_back();
  requests.pop_back();
  requests.push_back(Chunk(v1::DATASET_ARRAY_FEATURES, 0, features_.substr(0, 5)));
  requests.push_back(Chunk(v1::DATASET_ARRAY_TARGETS, 0, targets_));
  requests.push_back(Chunk(v1::DATASET_ARRAY_FEATURES, 5, features_.substr(5)));
  const grpc::Status status = Send(requests);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(stored_.name(), "datasets/up");
  EXPECT_EQ(stored_.features().rows(), 3);
  EXPECT_EQ(stored_.features().data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_THAT(stored_.class_rows(), ElementsAre(1, 2));
  EXPECT_EQ(StoredDatasets(), 1u);
}

TEST_F(UploadTest, TurnsClassIndicesIntoOneHotTargets) {
  header_.set_task(v1::TASK_MULTICLASS);
  for (const char* name : {"cat", "dog", "owl"}) header_.add_class_names(name);
  targets_ = Bytes({2, 0, 1});
  ASSERT_TRUE(Send(Whole()).ok());
  EXPECT_EQ(stored_.targets().cols(), 3);
  EXPECT_THAT(stored_.class_rows(), ElementsAre(1, 1, 1));
  EXPECT_THAT(stored_.class_names(), ElementsAre("cat", "dog", "owl"));
}

TEST_F(UploadTest, AppliesTransformsBeforeStoring) {
  header_.add_transforms()->mutable_append_bias();
  ASSERT_TRUE(Send(Whole()).ok());
  EXPECT_EQ(stored_.features().cols(), 3);
  EXPECT_TRUE(stored_.has_bias_column());
}

TEST_F(UploadTest, RefusesClassIndicesOutsideTheNames) {
  header_.set_task(v1::TASK_MULTICLASS);
  for (const char* name : {"cat", "dog"}) header_.add_class_names(name);
  targets_ = Bytes({0, 2, 1});
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "row 1");
}

TEST_F(UploadTest, NamesRowAndColumnOfNaNAndInfinity) {
  features_ = Bytes({1, 2, 3, std::nanf(""), 5, 6});
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "row 1, column 1");
  features_ = Bytes({1, 2, 3, 4, std::numeric_limits<float>::infinity(), 6});
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "row 2, column 0");
}

TEST_F(UploadTest, RefusesBinaryTargetsThatAreNotPlusMinusOne) {
  targets_ = Bytes({-1, 1, 0.5});
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "row 2");
}

TEST_F(UploadTest, RefusesAChunkWithAWrongChecksum) {
  auto requests = Whole();
  requests[1].mutable_chunk()->set_crc32(requests[1].chunk().crc32() ^ 1);
  ExpectRefused(requests, grpc::StatusCode::DATA_LOSS, "DATASET_ARRAY_FEATURES at offset 0");
}

TEST_F(UploadTest, RefusesAStreamThatEndsEarlyAndSaysWhatIsMissing) {
  auto requests = Whole();
  requests.pop_back();
  ExpectRefused(requests, grpc::StatusCode::DATA_LOSS, "DATASET_ARRAY_TARGETS has 0 of 12 bytes");
}

TEST_F(UploadTest, LeavesNothingWhenTheStreamIsCut) {
  grpc::ClientContext context;
  auto writer = datasets_->CreateDataset(&context, &stored_);
  const auto requests = Whole();
  ASSERT_TRUE(writer->Write(requests[0]));
  ASSERT_TRUE(writer->Write(requests[1]));
  ASSERT_TRUE(writer->Write(requests[2]));
  context.TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(StoredDatasets(), 0u);
  // The id is free again.
  EXPECT_TRUE(Send(requests).ok());
}

TEST_F(UploadTest, EndsAnUploadThatWentSilentAndGivesItsBytesToOthers) {
  Stop();
  options_.limits.max_dataset_bytes = 36;  // those of one upload
  options_.limits.upload_idle_timeout = absl::Milliseconds(50);
  Start();
  for (const bool with_header : {false, true}) {
    grpc::ClientContext context;
    auto writer = datasets_->CreateDataset(&context, &stored_);
    if (with_header) {
      ASSERT_TRUE(writer->Write(Whole()[0]));
    }
    const grpc::Status status = writer->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
    EXPECT_EQ(StoredDatasets(), 0u);
  }
  EXPECT_TRUE(Send(Whole()).ok());
}

TEST_F(UploadTest, RefusesChunksOutOfOrderOrBeyondTheArray) {
  auto requests = Whole();
  requests[1].mutable_chunk()->set_offset(4);
  ExpectRefused(requests, grpc::StatusCode::INVALID_ARGUMENT, "chunk.offset = 4");
  requests = Whole();
  requests[1] = Chunk(v1::DATASET_ARRAY_FEATURES, 0, features_ + "xxxx");
  ExpectRefused(requests, grpc::StatusCode::INVALID_ARGUMENT, "24 bytes of DATASET_ARRAY_FEATURES");
  requests = Whole();
  requests[1] = Chunk(v1::DATASET_ARRAY_TEST_FEATURES, 0, features_);
  ExpectRefused(requests, grpc::StatusCode::INVALID_ARGUMENT, "0 bytes of DATASET_ARRAY_TEST_FEATURES");
}

TEST_F(UploadTest, RefusesMessagesInTheWrongPlace) {
  auto requests = Whole();
  ExpectRefused({requests[1]}, grpc::StatusCode::INVALID_ARGUMENT, "the first must be the header");
  ExpectRefused({requests[0], requests[0]}, grpc::StatusCode::INVALID_ARGUMENT, "already sent");
  ExpectRefused({}, grpc::StatusCode::INVALID_ARGUMENT, "no header");
  ExpectRefused({requests[0], Chunk(v1::DATASET_ARRAY_UNSPECIFIED, 0, "x")}, grpc::StatusCode::INVALID_ARGUMENT,
                "chunk.array");
  ExpectRefused({requests[0], Chunk(v1::DATASET_ARRAY_FEATURES, 0, "")}, grpc::StatusCode::INVALID_ARGUMENT,
                "chunk.data");
}

TEST_F(UploadTest, RefusesShapesThatDisagree) {
  header_.mutable_targets()->set_rows(4);
  ExpectHeaderRefused("targets.rows");
}

TEST_F(UploadTest, RefusesHeadersFieldByField) {
  const v1::CreateDatasetHeader good = header_;
  const std::vector<std::pair<std::string, std::function<void(v1::CreateDatasetHeader*)>>> faults = {
      {"dataset_id", [](auto* h) { h->set_dataset_id("No Capitals"); }},
      {"display_name", [](auto* h) { h->set_display_name(std::string(201, 'x')); }},
      {"task", [](auto* h) { h->clear_task(); }},
      {"features.rows", [](auto* h) { h->mutable_features()->set_rows(0); }},
      {"features.rows", [](auto* h) { h->mutable_features()->set_rows(std::numeric_limits<std::int64_t>::max()); }},
      {"features.cols", [](auto* h) { h->mutable_features()->set_cols(-1); }},
      {"features.data_type", [](auto* h) { h->mutable_features()->clear_data_type(); }},
      {"targets.cols", [](auto* h) { h->mutable_targets()->set_cols(2); }},
      {"test_targets", [](auto* h) { *h->mutable_test_features() = h->features(); }},
      {"feature_names", [](auto* h) { h->add_feature_names("only one"); }},
      {"class_names", [](auto* h) { h->add_class_names("only one"); }},
      {"target_names", [](auto* h) { h->add_target_names("y"); }},
      {"image_shape", [](auto* h) { h->mutable_image_shape()->set_channels(3); }},
      {"transforms[0].kind", [](auto* h) { h->add_transforms(); }},
      {"transforms[0].divide_by.divisor", [](auto* h) { h->add_transforms()->mutable_divide_by(); }}};
  for (const auto& [field, spoil] : faults) {
    SCOPED_TRACE(field);
    header_ = good;
    spoil(&header_);
    ExpectHeaderRefused(field);
  }
}

TEST_F(UploadTest, ListsEveryFaultOfAHeaderAtOnce) {
  header_.clear_task();
  header_.set_dataset_id("-");
  EXPECT_THAT(ViolatedFields(Send(Whole())), UnorderedElementsAre("header.task", "header.dataset_id"));
}

TEST_F(UploadTest, RefusesArraysAboveTheLimitBeforeTakingMemory) {
  SetShape(header_.mutable_features(), std::int64_t{1} << 40, 1 << 20);
  SetShape(header_.mutable_targets(), std::int64_t{1} << 40, 1);
  const grpc::Status status = Send(Whole());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_dataset_bytes"));
}

TEST_F(UploadTest, RefusesOneHotTargetsAboveTheLimitBeforeMakingThem) {
  Stop();
  options_.limits.max_dataset_bytes = 1000;
  Start();
  header_.set_task(v1::TASK_MULTICLASS);
  targets_ = Bytes({0, 9999, 1});
  ExpectRefused(Whole(), grpc::StatusCode::RESOURCE_EXHAUSTED, "120024 bytes");
  // With names the header tells.
  for (int i = 0; i < 100; ++i) header_.add_class_names(std::to_string(i));
  targets_ = Bytes({0, 1, 2});
  ExpectRefused(Whole(), grpc::StatusCode::RESOURCE_EXHAUSTED, "1224 bytes");
}

TEST_F(UploadTest, NamesAClassWithoutTrainingRows) {
  header_.set_task(v1::TASK_MULTICLASS);
  for (const char* name : {"cat", "dog", "owl"}) header_.add_class_names(name);
  targets_ = Bytes({2, 0, 2});
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "class \"dog\" has no rows");
}

// Large enough to be written while it arrives.
class LargeUploadTest : public UploadTest {
 protected:
  static constexpr std::int64_t kRows = 16, kCols = 400'000;
  void SetUp() override {
    UploadTest::SetUp();
    SetShape(header_.mutable_features(), kRows, kCols);
    SetShape(header_.mutable_targets(), kRows, 1);
    std::vector<float> values(static_cast<std::size_t>(kRows * kCols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1021);
    features_ = Bytes(values);
    targets_ = Bytes({-1, 1, 1, 1, -1, 1, 1, 1, -1, 1, 1, 1, -1, 1, 1, 1});
  }
  std::vector<v1::CreateDatasetRequest> Whole() const {
    v1::CreateDatasetRequest header;
    *header.mutable_header() = header_;
    std::vector<v1::CreateDatasetRequest> requests = {header, Chunk(v1::DATASET_ARRAY_TARGETS, 0, targets_)};
    constexpr std::size_t kChunkBytes = 1'000'001;  // ends within elements
    for (std::size_t offset = 0; offset < features_.size(); offset += kChunkBytes) {
      requests.push_back(
          Chunk(v1::DATASET_ARRAY_FEATURES, static_cast<std::int64_t>(offset), features_.substr(offset, kChunkBytes)));
    }
    return requests;
  }
  void WaitUntilNothingIsLeft() {
    while (!std::filesystem::is_empty(options_.data_dir + "/datasets")) absl::SleepFor(absl::Milliseconds(1));
  }
};

TEST_F(LargeUploadTest, LiesOnDiskAsItWasSent) {
  const grpc::Status status = Send(Whole());
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(StoredDatasets(), 1u);
  const auto folder = *std::filesystem::directory_iterator(options_.data_dir + "/datasets");
  std::ifstream file(folder.path() / "features.bin", std::ios::binary);
  EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(file), {}) == features_);
}

TEST_F(LargeUploadTest, LeavesNothingWhenItIsRefusedOrCut) {
  const std::string good = features_;
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(features_.data() + 4 * kCols, &infinity, sizeof(infinity));
  ExpectRefused(Whole(), grpc::StatusCode::INVALID_ARGUMENT, "row 1, column 0");
  features_ = good;
  auto requests = Whole();
  requests.back().mutable_chunk()->set_crc32(0);
  ExpectRefused(requests, grpc::StatusCode::DATA_LOSS, "CRC-32");
  {
    grpc::ClientContext context;
    auto writer = datasets_->CreateDataset(&context, &stored_);
    for (std::size_t i = 0; i + 1 < requests.size(); ++i) ASSERT_TRUE(writer->Write(requests[i]));
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  WaitUntilNothingIsLeft();
  EXPECT_TRUE(Send(Whole()).ok());
}

TEST_F(UploadTest, RefusesAnIdThatIsTaken) {
  ASSERT_TRUE(Send(Whole()).ok());
  const grpc::Status status = Send(Whole());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("datasets/up"));
}

}  // namespace
}  // namespace cvxnn::server
