// SPDX-License-Identifier: Apache-2.0
// A model stands alone: what it does to raw rows does not depend on what becomes of its data set's name.
#include <gmock/gmock.h>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::HasSubstr;

class ModelDataTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Start();
    v1::Transform standardize;
    standardize.mutable_standardize();
    CreateX(standardize);
    auto request = ConvexJob("datasets/x", 20);
    request.mutable_job()->mutable_spec()->mutable_descent()->set_neurons(5);
    model_ = Finished(CreateOk(request)).result().best_model();
    ASSERT_NE(model_, "");
  }

  void CreateX(const v1::Transform& transform) {
    v1::GenerateDatasetRequest request;
    request.set_dataset_id("x");
    request.mutable_two_spirals()->set_rows(40);
    request.set_test_rows(10);
    *request.add_transforms() = transform;
    grpc::ClientContext context;
    const grpc::Status status = datasets_->GenerateDataset(&context, request, &x_);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  void DeleteX() {
    grpc::ClientContext context;
    v1::DeleteDatasetRequest request;
    request.set_name("datasets/x");
    google::protobuf::Empty empty;
    const grpc::Status status = datasets_->DeleteDataset(&context, request, &empty);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  // Another data set of the same name and shape.
  void ReplaceX() {
    DeleteX();
    v1::Transform divide;
    divide.mutable_divide_by()->set_divisor(1000);
    CreateX(divide);
  }

  std::string OutputsOfRawRows() {
    const double raw[] = {0.5, -1.5, 2, 3};
    v1::PredictRequest request;
    request.set_model(model_);
    request.set_apply_transforms(true);
    request.mutable_rows()->mutable_shape()->set_rows(2);
    request.mutable_rows()->mutable_shape()->set_cols(2);
    request.mutable_rows()->mutable_shape()->set_data_type(v1::DATA_TYPE_FLOAT64);
    request.mutable_rows()->set_data(raw, sizeof(raw));
    grpc::ClientContext context;
    v1::PredictResponse response;
    const grpc::Status status = models_->Predict(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.outputs().data();
  }
  grpc::Status PredictStored(const std::string& dataset) {
    v1::PredictRequest request;
    request.set_model(model_);
    request.mutable_dataset_rows()->set_dataset(dataset);
    request.mutable_dataset_rows()->set_part(v1::PART_TEST);
    grpc::ClientContext context;
    v1::PredictResponse response;
    return models_->Predict(&context, request, &response);
  }
  grpc::Status Evaluate(const std::string& dataset) {
    v1::EvaluateRequest request;
    request.set_model(model_);
    request.mutable_dataset_rows()->set_dataset(dataset);
    request.mutable_dataset_rows()->set_part(v1::PART_TEST);
    grpc::ClientContext context;
    v1::EvaluateResponse response;
    return models_->Evaluate(&context, request, &response);
  }

  v1::Dataset x_;
  std::string model_;
};

TEST_F(ModelDataTest, KeepsItsTransformsWhenItsDatasetIsDeletedOrReplaced) {
  const std::string before = OutputsOfRawRows();
  EXPECT_EQ(before.size() % 2, 0U);
  EXPECT_FALSE(before.empty());
  DeleteX();
  EXPECT_EQ(OutputsOfRawRows(), before);
  v1::Transform divide;
  divide.mutable_divide_by()->set_divisor(1000);
  CreateX(divide);
  EXPECT_EQ(OutputsOfRawRows(), before);
}

TEST_F(ModelDataTest, NeverTakesAnotherDatasetForItsOwn) {
  grpc::ClientContext context;
  v1::GetModelRequest get;
  get.set_name(model_);
  v1::Model model;
  ASSERT_TRUE(models_->GetModel(&context, get, &model).ok());
  EXPECT_NE(model.dataset_uid(), "");
  EXPECT_EQ(model.dataset_uid(), x_.uid());
  EXPECT_TRUE(PredictStored("").ok());
  EXPECT_TRUE(Evaluate("").ok());
  ReplaceX();
  EXPECT_NE(model.dataset_uid(), x_.uid());
  for (const grpc::Status& status : {PredictStored(""), Evaluate("")}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("datasets/x"));
  }
  // Whoever names it means it.
  EXPECT_TRUE(PredictStored("datasets/x").ok());
  EXPECT_TRUE(Evaluate("datasets/x").ok());
  DeleteX();
  EXPECT_EQ(PredictStored("").error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace cvxnn::server
