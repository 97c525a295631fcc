// SPDX-License-Identifier: Apache-2.0
// A server on a free loopback port with its own data directory, and short ways to call it.
#pragma once

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cvxnn/rpc/error_details.pb.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "cvxnn/v1/job_service.grpc.pb.h"
#include "cvxnn/v1/model_service.grpc.pb.h"
#include "cvxnn/v1/server_service.grpc.pb.h"
#include "server/log/log.h"
#include "server/server.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {

/// A folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cvxnn-api-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A trainer that reports epochs until it is told to stop or `epochs` are done, and gives the network of no neurons.
/// With `gate`, it waits before every epoch beyond gate's value.
Trainer CountingTrainer(std::int64_t epochs, std::shared_ptr<std::atomic<std::int64_t>> gate = nullptr);

class ServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(SetUpLog("text", "off").ok()); }
  void SetUp() override {
    options_.listen = "127.0.0.1:0";
    options_.data_dir = folder_.path() + "/data";
    options_.compute_threads = 1;
  }
  void TearDown() override { Stop(); }

  void Start() {
    auto server = Server::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    // Every test its own connection.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments);
    datasets_ = v1::DatasetService::NewStub(channel_);
    jobs_ = v1::JobService::NewStub(channel_);
    models_ = v1::ModelService::NewStub(channel_);
    info_ = v1::ServerService::NewStub(channel_);
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(absl::InfinitePast());
    server_.reset();
  }

  /// Data sets in the list, which must be as many as there are folders on disk: nothing was left behind.
  std::size_t StoredDatasets() {
    grpc::ClientContext context;
    v1::ListDatasetsResponse response;
    EXPECT_TRUE(datasets_->ListDatasets(&context, {}, &response).ok());
    const std::filesystem::directory_iterator folder(options_.data_dir + "/datasets");
    EXPECT_EQ(std::distance(begin(folder), end(folder)), response.datasets_size());
    return static_cast<std::size_t>(response.datasets_size());
  }

  /// A data set of two spirals with a test part, "datasets/{id}".
  std::string Spirals(const std::string& id, std::int64_t rows = 40) {
    v1::GenerateDatasetRequest request;
    request.set_dataset_id(id);
    request.mutable_two_spirals()->set_rows(rows);
    request.set_test_rows(10);
    grpc::ClientContext context;
    v1::Dataset dataset;
    const grpc::Status status = datasets_->GenerateDataset(&context, request, &dataset);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return dataset.name();
  }

  static v1::CreateJobRequest ConvexJob(const std::string& dataset, std::int64_t epochs = 20) {
    v1::CreateJobRequest request;
    auto* spec = request.mutable_job()->mutable_spec();
    spec->set_dataset(dataset);
    spec->set_beta(0.01);
    spec->mutable_stopping()->set_max_epochs(epochs);
    spec->mutable_stopping()->set_tolerance(0);
    spec->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(5);
    return request;
  }

  grpc::Status Create(const v1::CreateJobRequest& request, v1::Job* job) {
    grpc::ClientContext context;
    return jobs_->CreateJob(&context, request, job);
  }
  std::string CreateOk(const v1::CreateJobRequest& request) {
    v1::Job job;
    const grpc::Status status = Create(request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.name();
  }
  v1::Job Get(const std::string& name) {
    grpc::ClientContext context;
    v1::GetJobRequest request;
    request.set_name(name);
    v1::Job job;
    const grpc::Status status = jobs_->GetJob(&context, request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job;
  }

  /// All messages but heartbeats, up to `most`.
  std::vector<v1::WatchJobResponse> Watch(const std::string& name, std::int64_t after = 0, std::size_t most = SIZE_MAX,
                                          grpc::Status* status = nullptr) {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name(name);
    request.set_after_sequence(after);
    auto reader = jobs_->WatchJob(&context, request);
    std::vector<v1::WatchJobResponse> messages;
    v1::WatchJobResponse message;
    while (messages.size() < most && reader->Read(&message)) {
      if (!message.has_heartbeat()) messages.push_back(message);
    }
    if (messages.size() >= most) context.TryCancel();
    const grpc::Status end = reader->Finish();
    if (status != nullptr) *status = end;
    return messages;
  }
  v1::Job Finished(const std::string& name) {
    const auto messages = Watch(name);
    EXPECT_FALSE(messages.empty());
    return messages.empty() ? v1::Job() : messages.back().end().job();
  }

  TemporaryFolder folder_;
  Server::Options options_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::DatasetService::Stub> datasets_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::ModelService::Stub> models_;
  std::unique_ptr<v1::ServerService::Stub> info_;
};

/// Fields named in the BadRequest detail of a status.
inline std::vector<std::string> ViolatedFields(const grpc::Status& status) {
  rpc::Status details;
  std::vector<std::string> fields;
  if (!details.ParseFromString(status.error_details())) return fields;
  for (const auto& detail : details.details()) {
    rpc::BadRequest bad;
    if (detail.type_url() != "type.googleapis.com/google.rpc.BadRequest" || !bad.ParseFromString(detail.value())) {
      continue;
    }
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

}  // namespace cvxnn::server
