// SPDX-License-Identifier: Apache-2.0
// Downloading, predicting and evaluating with a model that a job trained.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "core/network/export/network_file.h"
#include "core/network/network.h"
#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

struct File {
  grpc::Status status;
  v1::DownloadModelHeader header;
  std::string bytes;
};

class ModelServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Start();
    dataset_ = Spirals("s");
    auto request = ConvexJob(dataset_, 50);
    request.mutable_job()->mutable_spec()->mutable_descent()->set_neurons(7);
    request.mutable_job()->mutable_spec()->clear_beta();
    request.mutable_job()->mutable_spec()->set_penalty(v1::PENALTY_NONE);
    model_ = Finished(CreateOk(request)).result().best_model();
    ASSERT_NE(model_, "");
  }

  File Download(v1::ModelFormat format, std::int64_t offset = 0) {
    grpc::ClientContext context;
    v1::DownloadModelRequest request;
    request.set_name(model_);
    request.set_format(format);
    request.set_offset(offset);
    auto reader = models_->DownloadModel(&context, request);
    File file;
    v1::DownloadModelResponse message;
    while (reader->Read(&message)) {
      if (message.has_header()) file.header = message.header();
      if (!message.has_chunk()) continue;
      EXPECT_EQ(message.chunk().offset(), offset + static_cast<std::int64_t>(file.bytes.size()));
      EXPECT_EQ(message.chunk().crc32(), Crc32(message.chunk().data().data(), message.chunk().data().size()));
      file.bytes += message.chunk().data();
    }
    file.status = reader->Finish();
    return file;
  }
  int Listed() {
    grpc::ClientContext context;
    v1::ListModelsResponse response;
    EXPECT_TRUE(models_->ListModels(&context, {}, &response).ok());
    return response.models_size();
  }
  grpc::Status Predict(const v1::PredictRequest& request, v1::PredictResponse* response) {
    grpc::ClientContext context;
    return models_->Predict(&context, request, response);
  }
  v1::PredictRequest Rows(const std::vector<double>& values, std::int64_t cols) const {
    v1::PredictRequest request;
    request.set_model(model_);
    auto* shape = request.mutable_rows()->mutable_shape();
    shape->set_rows(static_cast<std::int64_t>(values.size()) / cols);
    shape->set_cols(cols);
    shape->set_data_type(v1::DATA_TYPE_FLOAT64);
    request.mutable_rows()->set_data(values.data(), values.size() * sizeof(double));
    return request;
  }

  std::string dataset_;
  std::string model_;
};

TEST_F(ModelServiceTest, DownloadsWhatTheHeaderPromises) {
  for (const auto format : {v1::MODEL_FORMAT_UNSPECIFIED, v1::MODEL_FORMAT_SAFETENSORS, v1::MODEL_FORMAT_TORCHSCRIPT}) {
    const File file = Download(format);
    ASSERT_TRUE(file.status.ok()) << file.status.error_message();
    EXPECT_EQ(file.header.total_bytes(), static_cast<std::int64_t>(file.bytes.size()));
    EXPECT_EQ(file.header.crc32(), Crc32(file.bytes.data(), file.bytes.size()));
  }
}

TEST_F(ModelServiceTest, ResumesADownloadAtAnyByte) {
  for (const auto format : {v1::MODEL_FORMAT_SAFETENSORS, v1::MODEL_FORMAT_TORCHSCRIPT}) {
    const File whole = Download(format);
    for (const std::size_t offset : {std::size_t{1}, whole.bytes.size() / 2, whole.bytes.size()}) {
      const File rest = Download(format, static_cast<std::int64_t>(offset));
      EXPECT_TRUE(rest.status.ok());
      EXPECT_EQ(rest.header.crc32(), whole.header.crc32());
      EXPECT_EQ(rest.bytes, whole.bytes.substr(offset));
    }
    EXPECT_EQ(Download(format, static_cast<std::int64_t>(whole.bytes.size()) + 1).status.error_code(),
              grpc::StatusCode::OUT_OF_RANGE);
  }
}

TEST_F(ModelServiceTest, RefusesDownloadsOfWhatIsNotThere) {
  EXPECT_EQ(Download(v1::MODEL_FORMAT_ONNX).status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Download(v1::MODEL_FORMAT_SAFETENSORS, -1).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  model_ = "models/none";
  EXPECT_EQ(Download(v1::MODEL_FORMAT_SAFETENSORS).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelServiceTest, PredictsWhatTheDownloadedWeightsGive) {
  const auto network = ReadNetwork(Download(v1::MODEL_FORMAT_SAFETENSORS).bytes);
  ASSERT_TRUE(network.ok());
  const std::vector<double> values = {0.5, -1.5, 2, 3, -0.25, 0};
  v1::PredictResponse response;
  const grpc::Status status = Predict(Rows(values, 2), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  // By hand: Σ_j (xᵀu_j)₊ α_j.
  const at::Tensor first = network->first_layer.to(at::kDouble), second = network->second_layer.to(at::kDouble);
  ASSERT_EQ(response.outputs().shape().rows(), 3);
  ASSERT_EQ(response.predicted_classes_size(), 3);
  for (int row = 0; row < 3; ++row) {
    double expected = 0;
    for (std::int64_t j = 0; j < first.size(1); ++j) {
      const double inner =
          values[2 * row] * first[0][j].item<double>() + values[2 * row + 1] * first[1][j].item<double>();
      expected += std::max(inner, 0.0) * second[j][0].item<double>();
    }
    double output = 0;
    if (response.outputs().shape().data_type() == v1::DATA_TYPE_FLOAT64) {
      std::memcpy(&output, response.outputs().data().data() + row * sizeof(double), sizeof(double));
    } else {
      float narrow = 0;
      std::memcpy(&narrow, response.outputs().data().data() + row * sizeof(float), sizeof(float));
      output = narrow;
    }
    EXPECT_NEAR(output, expected, 1e-5);
    EXPECT_EQ(response.predicted_classes(row), output >= 0 ? 1 : 0);
  }
}

TEST_F(ModelServiceTest, PredictsStoredRowsInParts) {
  v1::PredictRequest request;
  request.set_model(model_);
  request.mutable_dataset_rows()->set_part(v1::PART_TRAIN);
  v1::PredictResponse whole, part;
  ASSERT_TRUE(Predict(request, &whole).ok());
  EXPECT_EQ(whole.outputs().shape().rows(), 40);
  request.mutable_dataset_rows()->set_first_row(10);
  request.mutable_dataset_rows()->set_row_count(5);
  ASSERT_TRUE(Predict(request, &part).ok());
  const std::size_t element = whole.outputs().data().size() / 40;
  EXPECT_EQ(part.outputs().data(), whole.outputs().data().substr(10 * element, 5 * element));
  request.mutable_dataset_rows()->set_row_count(100);
  EXPECT_THAT(ViolatedFields(Predict(request, &part)), ElementsAre("dataset_rows.row_count"));
}

TEST_F(ModelServiceTest, RefusesRowsThatDoNotFit) {
  v1::PredictResponse response;
  EXPECT_THAT(ViolatedFields(Predict(Rows({1, 2, 3}, 3), &response)), ElementsAre("rows.shape.cols"));
  auto cut = Rows({1, 2}, 2);
  cut.mutable_rows()->mutable_data()->pop_back();
  EXPECT_THAT(ViolatedFields(Predict(cut, &response)), ElementsAre("rows.data"));
  const grpc::Status nan = Predict(Rows({1, 2, std::nan(""), 4}, 2), &response);
  EXPECT_EQ(nan.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(nan.error_message(), ::testing::HasSubstr("row 1, column 0"));
  v1::PredictRequest none;
  none.set_model(model_);
  EXPECT_THAT(ViolatedFields(Predict(none, &response)), ElementsAre("input"));
}

TEST_F(ModelServiceTest, EvaluatesAsTrainingDid) {
  grpc::ClientContext get_context;
  v1::GetModelRequest get;
  get.set_name(model_);
  v1::Model model;
  ASSERT_TRUE(models_->GetModel(&get_context, get, &model).ok());
  EXPECT_EQ(model.neurons(), 7);
  grpc::ClientContext context;
  v1::EvaluateRequest request;
  request.set_model(model_);
  v1::EvaluateResponse response;
  ASSERT_TRUE(models_->Evaluate(&context, request, &response).ok());
  EXPECT_EQ(response.rows(), 10);
  EXPECT_NEAR(response.loss(), model.metrics().test_loss(), 1e-6);
  EXPECT_DOUBLE_EQ(response.accuracy(), model.metrics().test_accuracy());
}

TEST_F(ModelServiceTest, EvaluatesOtherLossesWhereTheTargetsFitThem) {
  const auto evaluate = [&](v1::Loss loss) {
    grpc::ClientContext context;
    v1::EvaluateRequest request;
    request.set_model(model_);
    request.set_loss(loss);
    v1::EvaluateResponse response;
    return models_->Evaluate(&context, request, &response);
  };
  EXPECT_TRUE(evaluate(v1::LOSS_LOGISTIC).ok());
  EXPECT_TRUE(evaluate(v1::LOSS_SQUARED_HINGE).ok());
  const grpc::Status misfit = evaluate(v1::LOSS_CROSS_ENTROPY);
  EXPECT_EQ(misfit.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(misfit.error_message(), ::testing::HasSubstr("loss = \"LOSS_CROSS_ENTROPY\": targets has 1 column"));
}

TEST_F(ModelServiceTest, SaysHowManyColumnsRawRowsMustHave) {
  v1::GenerateDatasetRequest generate;
  generate.set_dataset_id("biased");
  generate.mutable_two_spirals()->set_rows(20);
  generate.add_transforms()->mutable_append_bias();
  grpc::ClientContext context;
  v1::Dataset dataset;
  ASSERT_TRUE(datasets_->GenerateDataset(&context, generate, &dataset).ok());
  model_ = Finished(CreateOk(ConvexJob(dataset.name(), 2))).result().best_model();
  v1::PredictResponse response;
  auto raw = Rows({1, 2}, 2);
  raw.set_apply_transforms(true);
  EXPECT_TRUE(Predict(raw, &response).ok());
  raw = Rows({1, 2, 1}, 3);
  raw.set_apply_transforms(true);
  const grpc::Status status = Predict(raw, &response);
  EXPECT_THAT(ViolatedFields(status), ElementsAre("rows.shape.cols"));
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("rows.shape.cols = 3: must be 2,"));
  // The data set has no test part.
  v1::PredictRequest stored;
  stored.set_model(model_);
  stored.mutable_dataset_rows();
  EXPECT_EQ(Predict(stored, &response).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  stored.set_apply_transforms(true);
  EXPECT_THAT(ViolatedFields(Predict(stored, &response)), ElementsAre("apply_transforms"));
}

TEST_F(ModelServiceTest, NamesAModelThatIsNotThere) {
  model_ = "models/none";
  v1::GetModelRequest get;
  get.set_name(model_);
  v1::EvaluateRequest evaluate;
  evaluate.set_model(model_);
  grpc::ClientContext get_context, evaluate_context;
  v1::Model model;
  v1::PredictResponse predicted;
  v1::EvaluateResponse evaluated;
  for (const grpc::Status& status : {models_->GetModel(&get_context, get, &model), Predict(Rows({1, 2}, 2), &predicted),
                                     models_->Evaluate(&evaluate_context, evaluate, &evaluated)}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr("models/none"));
  }
}

TEST_F(ModelServiceTest, PredictsNothingWithADeletedModel) {
  v1::PredictResponse response;
  ASSERT_TRUE(Predict(Rows({1, 2}, 2), &response).ok());
  grpc::ClientContext get_context, delete_context;
  v1::GetModelRequest get;
  get.set_name(model_);
  v1::Model model;
  ASSERT_TRUE(models_->GetModel(&get_context, get, &model).ok());
  v1::DeleteJobRequest remove;
  remove.set_name(model.job());
  google::protobuf::Empty empty;
  ASSERT_TRUE(jobs_->DeleteJob(&delete_context, remove, &empty).ok());
  EXPECT_EQ(Predict(Rows({1, 2}, 2), &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelServiceTest, PrunesToANetworkWithTheSameOutputs) {
  // 7 neurons in the plane, some of which do the same on the 40 rows or can be had from others.
  v1::PruneModelRequest request;
  request.set_model(model_);
  v1::Model pruned;
  grpc::ClientContext context;
  const grpc::Status status = models_->PruneModel(&context, request, &pruned);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(pruned.source_model(), model_);
  EXPECT_THAT(pruned.derivation(), testing::HasSubstr("pruned from 7 to"));
  EXPECT_LE(pruned.neurons(), 7);
  EXPECT_EQ(Listed(), 2);
  // It is a model like others: downloaded, and its outputs on the training rows are those of its source.
  const auto outputs = [&](const std::string& name) {
    v1::PredictRequest predict;
    predict.set_model(name);
    predict.mutable_dataset_rows()->set_part(v1::PART_TRAIN);
    v1::PredictResponse response;
    EXPECT_TRUE(Predict(predict, &response).ok());
    const bool narrow = response.outputs().shape().data_type() == v1::DATA_TYPE_FLOAT32;
    const std::string& bytes = response.outputs().data();
    return at::from_blob(const_cast<char*>(bytes.data()), {response.outputs().shape().rows()},
                         at::TensorOptions().dtype(narrow ? at::kFloat : at::kDouble))
        .to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  };
  EXPECT_LE((outputs(model_) - outputs(pruned.name())).abs().max().item<double>(), 1e-5);

  request.set_max_neurons(3);
  grpc::ClientContext again;
  ASSERT_TRUE(models_->PruneModel(&again, request, &pruned).ok());
  EXPECT_LE(pruned.neurons(), 3);

  request.set_max_neurons(0);
  grpc::ClientContext bad;
  const grpc::Status refused = models_->PruneModel(&bad, request, &pruned);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ViolatedFields(refused), ElementsAre("max_neurons"));
}

TEST_F(ModelServiceTest, MakesAReluNetworkOfAGatedOne) {
  const v1::Job job = Finished(CreateOk(ConvexJob(dataset_, 50)));
  v1::DecomposeModelRequest request;
  request.set_model(job.result().best_model());
  v1::Model relu;
  grpc::ClientContext context;
  const grpc::Status status = models_->DecomposeModel(&context, request, &relu);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(relu.activation(), v1::ACTIVATION_RELU);
  EXPECT_EQ(relu.job(), job.name());
  EXPECT_NEAR(relu.metrics().loss(), job.result().models(0).metrics().loss(), 1e-9);
  EXPECT_GE(relu.metrics().penalty(), job.result().models(0).metrics().penalty() * (1 - 1e-9));
  EXPECT_FALSE(relu.metrics().has_lower_bound()) << "the bound was for another program";

  // The derived model knows its objective: it can be pruned in turn, and the certificate of a program stays with it.
  v1::PruneModelRequest prune;
  prune.set_model(job.result().best_model());
  v1::Model pruned;
  grpc::ClientContext next;
  ASSERT_TRUE(models_->PruneModel(&next, prune, &pruned).ok());
  EXPECT_NEAR(pruned.metrics().objective(), job.result().models(0).metrics().objective(), 1e-9);
  EXPECT_EQ(pruned.metrics().lower_bound(), job.result().models(0).metrics().lower_bound());

  request.set_model(relu.name());
  grpc::ClientContext twice;
  EXPECT_EQ(models_->DecomposeModel(&twice, request, &relu).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  request.set_model("models/none");
  grpc::ClientContext none;
  EXPECT_EQ(models_->DecomposeModel(&none, request, &relu).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelServiceTest, ChecksTheOptimalityOfModelsAndOfWeightsThatAreSent) {
  auto request = ConvexJob(dataset_, 2000);
  request.mutable_job()->mutable_spec()->mutable_stopping()->set_tolerance(1e-6);
  const v1::Job job = Finished(CreateOk(request));
  v1::CheckOptimalityRequest ask;
  ask.set_model(job.result().best_model());
  const auto check = [&](v1::CheckOptimalityResponse* response) {
    grpc::ClientContext context;
    return models_->CheckOptimality(&context, ask, response);
  };
  v1::CheckOptimalityResponse answer;
  grpc::Status status = check(&answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  // The objective is that of the job, β included, and so is what is certified over these patterns.
  EXPECT_EQ(answer.beta(), 0.01);
  EXPECT_NEAR(answer.objective(), job.result().models(0).metrics().objective(), 1e-9);
  EXPECT_LE(answer.gap(), 1e-4);
  EXPECT_EQ(answer.reach(), v1::REACH_RESTRICTED);
  EXPECT_EQ(answer.patterns(), job.result().patterns()) << "those of the job, active or not";
  EXPECT_NEAR(answer.lower_bound(), job.result().models(0).metrics().lower_bound(), 1e-2);
  EXPECT_EQ(answer.dual_gate_size(), 2);

  // All patterns of 40 rows in the plane: 5 of them are not enough.
  ask.set_max_enumerated(1000);
  ASSERT_TRUE(check(&answer).ok());
  EXPECT_EQ(answer.reach(), v1::REACH_GLOBAL);
  EXPECT_GT(answer.dual_ratio(), 1);
  EXPECT_GT(answer.gap(), 1e-3);
  ask.set_max_enumerated(10);
  EXPECT_EQ(check(&answer).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  ask.set_max_enumerated(0);
  ask.set_search_starts(-1);
  ask.set_beta(-1);
  EXPECT_THAT(ViolatedFields(check(&answer)), ElementsAre("search_starts"));
  ask.set_search_starts(50);
  EXPECT_THAT(ViolatedFields(check(&answer)), ElementsAre("beta"));
  ask.clear_beta();
  ASSERT_TRUE(check(&answer).ok());
  EXPECT_EQ(answer.reach(), v1::REACH_SEARCHED);

  // A network of one ReLU neuron, sent along.
  ask.Clear();
  ask.set_dataset(dataset_);
  ask.set_beta(0.5);
  const auto fill = [](v1::Tensor* tensor, const std::vector<double>& values, std::int64_t rows) {
    tensor->mutable_shape()->set_rows(rows);
    tensor->mutable_shape()->set_cols(static_cast<std::int64_t>(values.size()) / rows);
    tensor->mutable_shape()->set_data_type(v1::DATA_TYPE_FLOAT64);
    tensor->set_data(values.data(), values.size() * sizeof(double));
  };
  fill(ask.mutable_weights()->mutable_first_layer(), {0.3, 0.4}, 1);
  fill(ask.mutable_weights()->mutable_second_layer(), {0.5}, 1);
  status = check(&answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_NEAR(answer.penalty(), 0.5 * 0.25, 1e-12) << "beta times the product of the norms";
  EXPECT_LE(answer.lower_bound(), answer.objective());
  EXPECT_EQ(answer.patterns(), 1);
  fill(ask.mutable_weights()->mutable_second_layer(), {0.5, 1}, 1);
  EXPECT_EQ(check(&answer).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  fill(ask.mutable_weights()->mutable_second_layer(), {0.5}, 1);
  fill(ask.mutable_weights()->mutable_first_layer(), {0.3, 0.4, 1}, 1);
  EXPECT_EQ(check(&answer).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  ask.clear_dataset();
  EXPECT_THAT(ViolatedFields(check(&answer)), ElementsAre("dataset"));
}

}  // namespace
}  // namespace cvxnn::server
