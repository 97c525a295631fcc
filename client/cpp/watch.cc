// SPDX-License-Identifier: Apache-2.0
// Watching one job to its end, and many jobs for as long as wanted.
#include "client/cpp/client_state.h"
#include "client/cpp/grpc_reader.h"
#include "client/cpp/log_cursor.h"

namespace cvxnn::client {
namespace {

constexpr int kSilentHeartbeats = 3;

void SetDuration(absl::Duration duration, google::protobuf::Duration* message) {
  message->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  message->set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
}

absl::Status StoppedByCaller() { return absl::CancelledError("stopped by the caller"); }

}  // namespace

absl::StatusOr<v1::Job> Client::WatchJob(const std::string& name, const WatchJobOptions& options,
                                         const std::function<bool(const v1::WatchJobResponse&)>& on_event) const {
  LogCursor cursor(options.after_sequence);
  v1::Job job;
  bool stopped = false;

  const auto open = [&]() -> std::unique_ptr<MessageReader<v1::WatchJobResponse>> {
    v1::WatchJobRequest request;
    request.set_name(name);
    request.set_after_sequence(cursor.last());
    request.set_max_behind(options.max_behind);
    SetDuration(options.heartbeat_interval, request.mutable_heartbeat_interval());
    return std::make_unique<GrpcReader<v1::WatchJobRequest, v1::WatchJobResponse>>(
        std::move(request),
        [this](auto* context, const auto* sent, auto* reactor) {
          state_->jobs->async()->WatchJob(context, sent, reactor);
        },
        kSilentHeartbeats * options.heartbeat_interval, options.stop);
  };
  const auto on_message = [&](v1::WatchJobResponse& response) -> absl::StatusOr<StreamStep> {
    absl::StatusOr<StreamStep> step = cursor.Accept(response);
    if (!step.ok()) return step;
    if (*step == StreamStep::kDone) {
      job = std::move(*response.mutable_end()->mutable_job());
      return step;
    }
    if (*step == StreamStep::kAlive && !response.has_heartbeat()) return step;
    if (!on_event(response)) {
      stopped = true;
      return StreamStep::kDone;
    }
    return step;
  };

  const absl::Status status = ReadResumableStream<v1::WatchJobResponse>(
      open, on_message, options.on_interruption, options.resume, state_->options.timing, options.stop);
  if (!status.ok()) return status;
  if (stopped) return StoppedByCaller();
  return job;
}

absl::Status Client::WatchJobs(const WatchJobsOptions& options,
                               const std::function<bool(const v1::WatchJobsResponse&)>& on_event) const {
  const auto open = [&]() -> std::unique_ptr<MessageReader<v1::WatchJobsResponse>> {
    v1::WatchJobsRequest request;
    *request.mutable_filter() = options.filter;
    SetDuration(options.heartbeat_interval, request.mutable_heartbeat_interval());
    SetDuration(options.min_interval, request.mutable_min_interval());
    return std::make_unique<GrpcReader<v1::WatchJobsRequest, v1::WatchJobsResponse>>(
        std::move(request),
        [this](auto* context, const auto* sent, auto* reactor) {
          state_->jobs->async()->WatchJobs(context, sent, reactor);
        },
        kSilentHeartbeats * options.heartbeat_interval, options.stop);
  };
  const auto on_message = [&](v1::WatchJobsResponse& response) -> absl::StatusOr<StreamStep> {
    return on_event(response) ? StreamStep::kProgress : StreamStep::kDone;
  };
  return ReadResumableStream<v1::WatchJobsResponse>(open, on_message, options.on_interruption, options.resume,
                                                    state_->options.timing, options.stop);
}

}  // namespace cvxnn::client
