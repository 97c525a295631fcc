// SPDX-License-Identifier: Apache-2.0
// A server in this process whose services misbehave on demand: they cut streams, lose answers, damage bytes, fall
// silent.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <libdeflate.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/client.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "cvxnn/v1/job_service.grpc.pb.h"
#include "cvxnn/v1/model_service.grpc.pb.h"

namespace cvxnn::client {

/// What one connection of a stream does after its messages.
struct Fault {
  int after_messages = 0;
  grpc::Status status;
  bool silent = false;  ///< say nothing more instead of ending
};

inline void WaitForCancellation(grpc::ServerContext* context) {
  while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

class FakeJobs final : public v1::JobService::Service {
 public:
  /// The log: record i has sequence number i + 1.
  std::vector<v1::WatchJobResponse> log;
  v1::Job final_job;
  std::deque<Fault> faults;  ///< one for each connection, then none
  int repeat_records = 0;    ///< send so many known records again at the start of a connection
  std::vector<std::int64_t> resumed_after;
  std::int64_t last_sequence_of_end = -1;  ///< -1: the truth

  int create_failures = 0;
  std::vector<std::string> request_ids;
  int delete_calls = 0;
  std::vector<v1::Job> jobs;

  void AddState(v1::JobState state) {
    v1::WatchJobResponse& record = log.emplace_back();
    record.set_sequence(static_cast<std::int64_t>(log.size()));
    record.mutable_state_change()->set_state(state);
    record.mutable_state_change()->set_attempt(1);
  }
  void AddEpoch() {
    v1::WatchJobResponse& record = log.emplace_back();
    const auto sequence = static_cast<std::int64_t>(log.size());
    record.set_sequence(sequence);
    record.mutable_metrics()->set_first_sequence(sequence);
    record.mutable_metrics()->add_epochs()->set_epoch(++epochs_);
  }

  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
    resumed_after.push_back(request->after_sequence());
    const bool faulty = !faults.empty();
    const Fault fault = faulty ? faults.front() : Fault{};
    if (faulty) faults.pop_front();
    int sent = 0;
    const std::int64_t first = std::max<std::int64_t>(0, request->after_sequence() - repeat_records);
    for (auto i = static_cast<std::size_t>(first); i <= log.size(); ++i) {
      if (faulty && sent++ == fault.after_messages) {
        if (fault.silent) WaitForCancellation(context);
        return fault.status;
      }
      if (i < log.size()) writer->Write(log[i]);
    }
    v1::WatchJobResponse end;
    end.set_sequence(last_sequence_of_end >= 0 ? last_sequence_of_end : static_cast<std::int64_t>(log.size()));
    *end.mutable_end()->mutable_job() = final_job;
    writer->Write(end);
    return grpc::Status::OK;
  }

  /// What each connection of WatchJobs says; after the last one it falls silent.
  std::deque<std::vector<v1::WatchJobsResponse>> told;
  std::vector<v1::WatchJobsRequest> jobs_watched;

  grpc::Status WatchJobs(grpc::ServerContext* context, const v1::WatchJobsRequest* request,
                         grpc::ServerWriter<v1::WatchJobsResponse>* writer) override {
    jobs_watched.push_back(*request);
    const bool last = told.size() <= 1;
    for (const v1::WatchJobsResponse& response : told.front()) writer->Write(response);
    if (last) {
      WaitForCancellation(context);
      return grpc::Status::CANCELLED;
    }
    told.pop_front();
    return {grpc::StatusCode::UNAVAILABLE, "cut"};
  }

  grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request, v1::Job* response) override {
    request_ids.push_back(request->request_id());
    if (create_failures-- > 0) return {grpc::StatusCode::UNAVAILABLE, "draining"};
    *response = request->job();
    response->set_name("jobs/1");
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    const std::size_t first = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    const std::size_t end = std::min(jobs.size(), first + std::min(request->page_size(), 7));
    for (std::size_t i = first; i < end; ++i) *response->add_jobs() = jobs[i];
    if (end < jobs.size()) response->set_next_page_token(std::to_string(end));
    return grpc::Status::OK;
  }

  /// The first answer is lost: the job is gone, the caller does not know.
  grpc::Status DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest*, google::protobuf::Empty*) override {
    if (++delete_calls == 1) return {grpc::StatusCode::UNAVAILABLE, "answer lost"};
    return {grpc::StatusCode::NOT_FOUND, "no such job"};
  }

 private:
  std::int64_t epochs_ = 0;
};

class FakeDatasets final : public v1::DatasetService::Service {
 public:
  v1::CreateDatasetHeader header;
  std::map<int, std::string> arrays;
  std::size_t largest_chunk = 0;
  bool sound = true;  ///< offsets and checksums were right
  grpc::Status refusal;
  bool silent = false;   ///< take the whole upload and never answer
  int cuts = 0;          ///< so many streams end with UNAVAILABLE after two chunks
  bool forgets = false;  ///< what arrived of a stream that was cut
  std::vector<std::string> upload_ids;

  grpc::Status GetUpload(grpc::ServerContext*, const v1::GetUploadRequest* request,
                         v1::UploadStatus* response) override {
    upload_ids.push_back(request->upload_id());
    if (forgets) {
      arrays.clear();
      return {grpc::StatusCode::NOT_FOUND, "begin again"};
    }
    for (const auto& [array, data] : arrays) {
      auto* committed = response->add_arrays();
      committed->set_array(static_cast<v1::DatasetArray>(array));
      committed->set_bytes(static_cast<std::int64_t>(data.size()));
    }
    return grpc::Status::OK;
  }

  grpc::Status CreateDataset(grpc::ServerContext* context, grpc::ServerReader<v1::CreateDatasetRequest>* reader,
                             v1::Dataset* response) override {
    v1::CreateDatasetRequest request;
    int chunks = 0;
    while (reader->Read(&request)) {
      if (request.has_header()) {
        header = request.header();
        upload_ids.push_back(header.upload_id());
        if (!refusal.ok()) return refusal;
        continue;
      }
      const v1::DatasetChunk& chunk = request.chunk();
      std::string& array = arrays[chunk.array()];
      sound = sound && chunk.offset() == static_cast<std::int64_t>(array.size()) &&
              chunk.crc32() == libdeflate_crc32(0, chunk.data().data(), chunk.data().size());
      largest_chunk = std::max(largest_chunk, chunk.data().size());
      array += chunk.data();
      if (++chunks == 2 && cuts > 0) {
        --cuts;
        return {grpc::StatusCode::UNAVAILABLE, "cut"};
      }
    }
    if (silent) {
      WaitForCancellation(context);
      return grpc::Status::CANCELLED;
    }
    response->set_name("datasets/" + header.dataset_id());
    return grpc::Status::OK;
  }
};

class FakeModels final : public v1::ModelService::Service {
 public:
  std::string file;
  std::deque<Fault> faults;
  int damaged_chunks = 0;  ///< so many chunks arrive with a flipped byte
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> predicted_rows;  ///< per request

  grpc::Status DownloadModel(grpc::ServerContext*, const v1::DownloadModelRequest* request,
                             grpc::ServerWriter<v1::DownloadModelResponse>* writer) override {
    offsets.push_back(request->offset());
    const bool faulty = !faults.empty();
    const Fault fault = faulty ? faults.front() : Fault{};
    if (faulty) faults.pop_front();
    v1::DownloadModelResponse response;
    response.mutable_header()->set_total_bytes(static_cast<std::int64_t>(file.size()));
    response.mutable_header()->set_crc32(libdeflate_crc32(0, file.data(), file.size()));
    writer->Write(response);
    constexpr std::size_t kChunk = 10;
    int sent = 0;
    for (auto offset = static_cast<std::size_t>(request->offset()); offset < file.size(); offset += kChunk) {
      if (faulty && sent++ == fault.after_messages) return fault.status;
      std::string data = file.substr(offset, kChunk);
      response.mutable_chunk()->set_offset(static_cast<std::int64_t>(offset));
      response.mutable_chunk()->set_crc32(libdeflate_crc32(0, data.data(), data.size()));
      if (damaged_chunks-- > 0) data[0] ^= 1;
      response.mutable_chunk()->set_data(data);
      writer->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest* request, v1::Model* response) override {
    response->set_name(request->name());
    response->set_outputs(1);
    return grpc::Status::OK;
  }

  /// The output of a row is its first column, doubled.
  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override {
    const v1::MatrixShape& shape = request->rows().shape();
    predicted_rows.push_back(shape.rows());
    *response->mutable_outputs()->mutable_shape() = shape;
    response->mutable_outputs()->mutable_shape()->set_cols(1);
    const auto* values = reinterpret_cast<const double*>(request->rows().data().data());
    for (std::int64_t i = 0; i < shape.rows(); ++i) {
      const double output = 2 * values[i * shape.cols()];
      response->mutable_outputs()->mutable_data()->append(reinterpret_cast<const char*>(&output), sizeof(output));
      response->add_predicted_classes(output > 0 ? 1 : 0);
    }
    return grpc::Status::OK;
  }
};

/// Set up the services first, then call Connect.
class FakeServer {
 public:
  FakeJobs jobs;
  FakeDatasets datasets;
  FakeModels models;

  FakeServer() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&jobs);
    builder.RegisterService(&datasets);
    builder.RegisterService(&models);
    server_ = builder.BuildAndStart();
  }
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  int port() const { return port_; }

  /// A client that does not wait between attempts, of the server itself or of a `port` that leads to it.
  Client Connect(ConnectOptions options = {}, int port = 0) const {
    options.timing.sleep = [](absl::Duration, const std::stop_token& stop) { return !stop.stop_requested(); };
    return *Client::Connect("127.0.0.1:" + std::to_string(port > 0 ? port : port_), options);
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cvxnn::client
