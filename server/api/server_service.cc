// SPDX-License-Identifier: Apache-2.0
// See server_service.h.
#include "server/api/server_service.h"

#include <absl/time/time.h>
#include <torch/version.h>

#include <utility>

#include "core/torch/runtime.h"
#include "server/api/unary_call.h"
#include "server/store/clock.h"
#include "server/translate/capabilities.h"

namespace cvxnn::server {
namespace {

void Describe(const Parts& parts, v1::ServerInfo* info) {
  info->set_version(CVXNN_VERSION);
  info->mutable_start_time()->set_seconds(absl::ToUnixSeconds(parts.start_time));
  auto* limits = info->mutable_limits();
  limits->set_max_chunk_bytes(kMaxChunkBytes);
  limits->set_max_dataset_bytes(parts.limits.max_dataset_bytes);
  limits->set_max_message_bytes(kMaxMessageBytes);
  limits->set_max_queued_jobs(parts.limits.max_queued_jobs);
  limits->set_running_jobs_per_device(parts.limits.running_jobs_per_device);
  limits->set_max_page_size(kMaxPageSize);
  if (parts.limits.job_retention < absl::InfiniteDuration()) {
    *limits->mutable_job_retention() = ToProto(parts.limits.job_retention);
  }
  for (v1::Device& device : parts.devices->Describe()) *info->add_devices() = std::move(device);
  info->set_compute_threads(ComputeThreads());
  info->set_libtorch_version(TORCH_VERSION);
  FillCapabilities(!parts.import_root.empty(), info);
}

}  // namespace

grpc::ServerUnaryReactor* ServerService::GetServerInfo(grpc::CallbackServerContext* context,
                                                       const v1::GetServerInfoRequest* /*request*/,
                                                       v1::ServerInfo* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "ServerService.GetServerInfo"), [this, response] {
    Describe(parts_, response);
    return absl::OkStatus();
  });
}

}  // namespace cvxnn::server
