// SPDX-License-Identifier: Apache-2.0
// Generating, importing, listing and deleting data sets.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DatasetServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    options_.import_root = folder_.path() + "/imports";
    std::filesystem::create_directory(options_.import_root);
    std::ofstream(options_.import_root + "/good.csv") << "a,b,label\n1,2,x\n3,4,y\n5,6,x\n";
    std::ofstream(options_.import_root + "/ragged.csv") << "a,b,label\n1,2,x\n3,4\n";
    std::ofstream(folder_.path() + "/secret.csv") << "a,label\n1,x\n2,y\n";
  }
  grpc::Status Import(const v1::ImportDatasetRequest& request, v1::Dataset* dataset) {
    grpc::ClientContext context;
    return datasets_->ImportDataset(&context, request, dataset);
  }
  grpc::Status Import(const std::string& path) {
    v1::ImportDatasetRequest request;
    request.set_path(path);
    request.mutable_csv();
    v1::Dataset dataset;
    return Import(request, &dataset);
  }
  grpc::Status Generate(const v1::GenerateDatasetRequest& request) {
    grpc::ClientContext context;
    v1::Dataset dataset;
    return datasets_->GenerateDataset(&context, request, &dataset);
  }
};

TEST_F(DatasetServiceTest, ImportsAFileBelowTheRoot) {
  Start();
  v1::ImportDatasetRequest request;
  request.set_path("good.csv");
  v1::Dataset dataset;
  const grpc::Status status = Import(request, &dataset);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(dataset.features().rows(), 3);
  EXPECT_THAT(dataset.class_names(), ElementsAre("x", "y"));
  EXPECT_THAT(dataset.feature_names(), ElementsAre("a", "b"));
}

TEST_F(DatasetServiceTest, ImportsNothingFromOutsideTheRoot) {
  Start();
  EXPECT_EQ(Import("../secret.csv").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Import(folder_.path() + "/secret.csv").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  std::filesystem::create_symlink("../secret.csv", options_.import_root + "/link.csv");
  EXPECT_EQ(Import("link.csv").error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(DatasetServiceTest, SaysWhatIsWrongWithAFileWithoutShowingWhereItLies) {
  Start();
  const grpc::Status ragged = Import("ragged.csv");
  EXPECT_EQ(ragged.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ragged.error_message(), HasSubstr("line 3"));
  EXPECT_THAT(ragged.error_message(), Not(HasSubstr(folder_.path())));
  const grpc::Status missing = Import("missing.csv");
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(missing.error_message(), Not(HasSubstr(folder_.path())));
  v1::ImportDatasetRequest request;
  request.set_path("good.csv");
  request.mutable_csv()->add_label_columns("wrong");
  v1::Dataset dataset;
  const grpc::Status column = Import(request, &dataset);
  EXPECT_EQ(column.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(column.error_message(), HasSubstr("\"wrong\""));
  EXPECT_THAT(ViolatedFields(column), ElementsAre("csv.label_columns"));
  EXPECT_EQ(StoredDatasets(), 0u);
}

TEST_F(DatasetServiceTest, SaysThatImportingIsOff) {
  options_.import_root.clear();
  Start();
  EXPECT_EQ(Import("good.csv").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(DatasetServiceTest, RefusesGeneratorsFieldByField) {
  Start();
  v1::GenerateDatasetRequest request;
  EXPECT_THAT(ViolatedFields(Generate(request)), ElementsAre("generator"));
  request.mutable_gaussian()->set_rows(10);
  EXPECT_THAT(ViolatedFields(Generate(request)), ElementsAre("gaussian.cols"));
  request.mutable_blobs()->set_rows(1);
  request.mutable_blobs()->set_spread(-1);
  request.set_test_rows(-1);
  EXPECT_THAT(ViolatedFields(Generate(request)),
              ::testing::UnorderedElementsAre("blobs.rows", "blobs.cols", "blobs.spread", "test_rows"));
}

TEST_F(DatasetServiceTest, NamesTheUnknownClassOfASelection) {
  Start();
  v1::GenerateDatasetRequest request;
  request.mutable_blobs()->set_rows(30);
  request.mutable_blobs()->set_cols(2);
  auto* select = request.add_transforms()->mutable_select_classes();
  select->add_classes("blob_0");
  select->add_classes("nobody");
  const grpc::Status status = Generate(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("nobody"));
  EXPECT_EQ(StoredDatasets(), 0u);
}

TEST_F(DatasetServiceTest, RefusesWhatIsLargerThanTheLimit) {
  options_.limits.max_dataset_bytes = 1000;
  Start();
  v1::GenerateDatasetRequest request;
  request.mutable_two_spirals()->set_rows(1000);
  EXPECT_EQ(Generate(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(DatasetServiceTest, RefusesASmallDataSetWhoseMakingTakesMoreThanTheLimit) {
  options_.limits.max_dataset_bytes = 1 << 20;
  Start();
  v1::GenerateDatasetRequest request;
  request.mutable_planted_relu()->set_rows(1);
  request.mutable_planted_relu()->set_cols(1831);
  request.mutable_planted_relu()->set_neurons(53371);
  const grpc::Status status = Generate(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("making the data set needs 1563571472 bytes"));
  EXPECT_EQ(StoredDatasets(), 0u);
}

TEST_F(DatasetServiceTest, ListsNewestFirstAndDeletes) {
  Start();
  Spirals("one");
  Spirals("two");
  {
    grpc::ClientContext context;
    v1::ListDatasetsResponse list;
    ASSERT_TRUE(datasets_->ListDatasets(&context, {}, &list).ok());
    ASSERT_EQ(list.datasets_size(), 2);
    EXPECT_EQ(list.datasets(0).name(), "datasets/two");
  }
  google::protobuf::Empty empty;
  const auto remove = [&](bool allow_missing) {
    grpc::ClientContext context;
    v1::DeleteDatasetRequest request;
    request.set_name("datasets/one");
    request.set_allow_missing(allow_missing);
    return datasets_->DeleteDataset(&context, request, &empty).error_code();
  };
  EXPECT_EQ(remove(false), grpc::StatusCode::OK);
  EXPECT_EQ(remove(false), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(remove(true), grpc::StatusCode::OK);
  grpc::ClientContext context;
  v1::GetDatasetRequest get;
  get.set_name("datasets/one");
  v1::Dataset dataset;
  EXPECT_EQ(datasets_->GetDataset(&context, get, &dataset).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace cvxnn::server
