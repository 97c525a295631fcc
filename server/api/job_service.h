// SPDX-License-Identifier: Apache-2.0
// JobService of the contract: validates, translates and delegates.
#pragma once

#include <absl/status/statusor.h>

#include "cvxnn/v1/job_service.grpc.pb.h"
#include "server/api/call_log.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Thread-safe. `parts` outlives the service.
class JobService final : public v1::JobService::WithRawCallbackMethod_WatchJob<v1::JobService::CallbackService> {
 public:
  using v1::JobService::WithRawCallbackMethod_WatchJob<v1::JobService::CallbackService>::WatchJob;

  explicit JobService(const Parts* parts) : parts_(*parts) {}

  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context, const v1::CreateJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context, const v1::GetJobRequest* request,
                                   v1::Job* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context, const v1::CancelJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* PauseJob(grpc::CallbackServerContext* context, const v1::PauseJobRequest* request,
                                     v1::Job* response) override;
  grpc::ServerUnaryReactor* ResumeJob(grpc::CallbackServerContext* context, const v1::ResumeJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* DeleteJob(grpc::CallbackServerContext* context, const v1::DeleteJobRequest* request,
                                      google::protobuf::Empty* response) override;
  /// As bytes, which all who watch a job share.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchJob(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<v1::WatchJobsResponse>* WatchJobs(grpc::CallbackServerContext* context,
                                                             const v1::WatchJobsRequest* request) override;

 private:
  absl::StatusOr<v1::Job> Create(const v1::CreateJobRequest& request, const CallLog& log) const;
  absl::Status List(const v1::ListJobsRequest& request, v1::ListJobsResponse* response) const;

  const Parts& parts_;
};

}  // namespace cvxnn::server
