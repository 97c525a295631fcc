// SPDX-License-Identifier: Apache-2.0
// The unary calls about jobs.
#include <absl/strings/str_format.h>

#include "client/cpp/client_state.h"
#include "client/cpp/list_all.h"
#include "client/cpp/random_id.h"

namespace cvxnn::client {
namespace {

using Stub = v1::JobService::Stub;

}  // namespace

absl::StatusOr<v1::Job> Client::CreateJob(v1::CreateJobRequest request) const {
  if (request.request_id().empty() && !request.validate_only()) request.set_request_id(RandomRequestId());
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::CreateJob,
                   request);
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& name) const {
  v1::GetJobRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::GetJob, request);
}

absl::StatusOr<std::vector<v1::Job>> Client::ListJobs(const v1::JobFilter& filter, std::int64_t limit) const {
  v1::ListJobsRequest first;
  *first.mutable_filter() = filter;
  return ListAll<v1::Job>(
      first, limit,
      [&](const v1::ListJobsRequest& request) {
        return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::ListJobs,
                         request);
      },
      [](v1::ListJobsResponse& response) { return response.mutable_jobs(); });
}

absl::StatusOr<v1::Job> Client::CancelJob(const std::string& name) const {
  v1::CancelJobRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::CancelJob,
                   request);
}

absl::StatusOr<v1::Job> Client::PauseJob(const std::string& name) const {
  v1::PauseJobRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::PauseJob, request);
}

absl::StatusOr<v1::Job> Client::ResumeJob(const std::string& name) const {
  v1::ResumeJobRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->jobs, &Stub::ResumeJob,
                   request);
}

absl::Status Client::DeleteJob(const std::string& name, bool allow_missing) const {
  v1::DeleteJobRequest request;
  request.set_name(name);
  request.set_allow_missing(allow_missing);
  return CallDelete(state_->options, *state_->jobs, &Stub::DeleteJob, request);
}

}  // namespace cvxnn::client
