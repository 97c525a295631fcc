// SPDX-License-Identifier: Apache-2.0
// See job_service.h.
#include "server/api/job_service.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include <optional>
#include <utility>
#include <variant>

#include "server/api/job_memory.h"
#include "server/api/job_request.h"
#include "server/api/list_page.h"
#include "server/api/quotas.h"
#include "server/api/unary_call.h"
#include "server/api/unreadable_request.h"
#include "server/api/watch_job.h"
#include "server/api/watch_jobs.h"
#include "server/api/watch_stream.h"
#include "server/store/clock.h"
#include "server/translate/job_spec.h"
#include "server/translate/resource_name.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

constexpr char kJobs[] = "jobs";
// A full queue moves on when a job ends.
constexpr std::int64_t kQueueRetrySeconds = 5;

absl::Status CheckDeadline(const v1::Job& job) {
  if (!job.has_deadline() || FromProto(job.deadline()) > absl::Now()) return absl::OkStatus();
  return InvalidField("job.deadline", absl::FormatTime(FromProto(job.deadline()), absl::UTCTimeZone()),
                      "must be after the present");
}

// The model whose patterns convex training takes, by what is stored of it.
absl::Status CheckPatternsFit(const ModelStore& store, const training::Spec& spec, const v1::Dataset& dataset) {
  const training::ConvexTraining* convex = training::ConvexOf(spec);
  const auto* from = convex == nullptr ? nullptr : std::get_if<training::ModelPatterns>(&convex->patterns);
  if (from == nullptr) return absl::OkStatus();
  const auto model = store.Get(from->model);
  if (!model.ok()) return model.status();
  Violations violations("job.spec.");
  const std::int64_t inputs = dataset.features().cols();
  const char* const field = "convex.patterns.from_model.model";
  violations.Require(model->inputs() == inputs, field, from->model,
                     absl::StrCat("must have ", inputs, " inputs as the data set, not ", model->inputs()));
  violations.Require(model->neurons() > 0, field, from->model, "must have neurons");
  return violations.ToStatus();
}

// The models that descent starts from, by what is stored of them.
absl::Status CheckModelsFit(const ModelStore& store, const training::Spec& spec, const v1::Dataset& dataset) {
  const auto* descent = std::get_if<training::GradientDescent>(&spec.method);
  const auto* from = descent == nullptr ? nullptr : std::get_if<descent::FromModels>(&descent->initialization);
  if (from == nullptr) return absl::OkStatus();
  std::optional<v1::Model> first;
  Violations violations("job.spec.");
  for (const std::string& name : from->models) {
    auto model = store.Get(name);
    if (!model.ok()) return model.status();
    if (!first) first = *model;
    const std::int64_t inputs = dataset.features().cols(), outputs = dataset.targets().cols();
    const char* const field = "descent.initialization.from_models.models";
    violations.Require(model->inputs() == inputs && model->outputs() == outputs, field, name,
                       absl::StrCat("must have ", inputs, " inputs and ", outputs, " outputs as the data set, not ",
                                    model->inputs(), " and ", model->outputs()));
    violations.Require(model->neurons() > 0, field, name, "must have neurons");
    violations.Require(model->neurons() == first->neurons() && model->activation() == first->activation(), field, name,
                       absl::StrCat("must have the width and activation of ", first->name()));
  }
  return violations.ToStatus();
}

}  // namespace

absl::StatusOr<v1::Job> JobService::Create(const v1::CreateJobRequest& request, const CallLog& log) const {
  Violations violations;
  CheckCreateJobRequest(request, &violations);
  Violations spec_violations("job.spec.");
  training::Spec spec = SpecFromProto(request.job().spec(), &spec_violations);
  if (auto device = parts_.devices->Canonical(spec.device); device.ok()) {
    spec.device = *std::move(device);
  } else {
    spec_violations.Invalid("device", spec.device,
                            absl::StrCat("must be one of ", absl::StrJoin(parts_.devices->names(), ", ")));
  }
  violations.Append(spec_violations);
  if (!violations.empty()) return violations.ToStatus();

  v1::Job job = AskedOf(request.job());
  *job.mutable_spec() = SpecToProto(spec, request.job().spec().dataset());
  auto dataset = parts_.datasets->Get(job.spec().dataset());
  if (dataset.ok()) CheckSpecFits(spec, *dataset, &spec_violations);
  absl::Status fits = dataset.ok() ? spec_violations.ToStatus() : dataset.status();
  if (fits.ok()) fits = CheckDeadline(job);
  if (fits.ok()) fits = CheckModelsFit(*parts_.models, spec, *dataset);
  if (fits.ok()) fits = CheckPatternsFit(*parts_.models, spec, *dataset);
  if (fits.ok()) fits = Reply(EstimateJob(parts_, spec, *dataset), job.mutable_memory());
  if (fits.ok()) fits = CheckBytesQuota(*parts_.database, log.caller(), 0);
  if (fits.ok()) fits = parts_.admission->CheckPossible(job.memory(), spec.device);
  if (!fits.ok()) {
    // A repeated request succeeds whatever has become of its data set.
    if (request.request_id().empty() || request.validate_only()) return fits;
    auto earlier = parts_.jobs->FindRequest(request.request_id(), job);
    if (earlier.ok()) return parts_.manager->Get(earlier->name());
    return absl::IsNotFound(earlier.status()) ? fits : earlier.status();
  }
  job.set_creator(log.caller().name);
  if (request.validate_only()) return job;
  auto created = parts_.manager->Create(job, request.request_id(), log.caller().quota.jobs);
  if (created.ok()) log.About(created->name());
  if (absl::IsResourceExhausted(created.status())) return WithRetryDelay(created.status(), kQueueRetrySeconds);
  return created;
}

grpc::ServerUnaryReactor* JobService::CreateJob(grpc::CallbackServerContext* context,
                                                const v1::CreateJobRequest* request, v1::Job* response) {
  const CallLog log(parts_, context, "JobService.CreateJob");
  return AnswerFrom(parts_.quick, context, log,
                    [this, log, request, response] { return Reply(Create(*request, log), response); });
}

grpc::ServerUnaryReactor* JobService::GetJob(grpc::CallbackServerContext* context, const v1::GetJobRequest* request,
                                             v1::Job* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "JobService.GetJob", request->name()),
                    [this, request, response]() -> absl::Status {
                      if (absl::Status status = CheckResourceName(kJobs, request->name(), "name"); !status.ok()) {
                        return status;
                      }
                      return Reply(parts_.manager->Get(request->name()), response);
                    });
}

absl::Status JobService::List(const v1::ListJobsRequest& request, v1::ListJobsResponse* response) const {
  Violations violations;
  CheckJobFilter(request.filter(), &violations);
  if (!violations.empty()) return violations.ToStatus();
  auto page = ListWithinMessage(request.page_size(), request.page_token(), [&](const PageRequest& asked) {
    return parts_.manager->List(request.filter(), asked);
  });
  if (!page.ok()) return page.status();
  for (v1::Job& job : page->items) *response->add_jobs() = std::move(job);
  response->set_next_page_token(page->next_token);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* JobService::ListJobs(grpc::CallbackServerContext* context, const v1::ListJobsRequest* request,
                                               v1::ListJobsResponse* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "JobService.ListJobs"),
                    [this, request, response] { return List(*request, response); });
}

namespace {

// Until a change is on disk may take long, and reads must not wait for it.
template <typename Request>
grpc::ServerUnaryReactor* Change(const Parts& parts, grpc::CallbackServerContext* context, const char* rpc,
                                 const Request* request, v1::Job* response,
                                 void (JobManager::*change)(const std::string&, LiveLog::Written)) {
  return AnswerLater(parts.quick, context, CallLog(parts, context, rpc, request->name()),
                     [&parts, request, response, change](Done done) {
                       const absl::Status status = CheckResourceName(kJobs, request->name(), "name");
                       if (!status.ok()) return done(status);
                       (parts.manager->*change)(request->name(), [response, done](absl::StatusOr<v1::Job> job) {
                         done(Reply(std::move(job), response));
                       });
                     });
}

}  // namespace

grpc::ServerUnaryReactor* JobService::CancelJob(grpc::CallbackServerContext* context,
                                                const v1::CancelJobRequest* request, v1::Job* response) {
  return Change(parts_, context, "JobService.CancelJob", request, response, &JobManager::Cancel);
}

grpc::ServerUnaryReactor* JobService::PauseJob(grpc::CallbackServerContext* context, const v1::PauseJobRequest* request,
                                               v1::Job* response) {
  return Change(parts_, context, "JobService.PauseJob", request, response, &JobManager::Pause);
}

grpc::ServerUnaryReactor* JobService::ResumeJob(grpc::CallbackServerContext* context,
                                                const v1::ResumeJobRequest* request, v1::Job* response) {
  return Change(parts_, context, "JobService.ResumeJob", request, response, &JobManager::Resume);
}

grpc::ServerUnaryReactor* JobService::DeleteJob(grpc::CallbackServerContext* context,
                                                const v1::DeleteJobRequest* request,
                                                google::protobuf::Empty* /*response*/) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "JobService.DeleteJob", request->name()),
                    [this, request]() -> absl::Status {
                      if (absl::Status status = CheckResourceName(kJobs, request->name(), "name"); !status.ok()) {
                        return status;
                      }
                      const absl::Status status = parts_.manager->Delete(request->name());
                      return absl::IsNotFound(status) && request->allow_missing() ? absl::OkStatus() : status;
                    });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* JobService::WatchJob(grpc::CallbackServerContext* context,
                                                                 const grpc::ByteBuffer* request) {
  grpc::ByteBuffer bytes(*request);
  v1::WatchJobRequest message;
  const grpc::Status read = grpc::SerializationTraits<v1::WatchJobRequest>::Deserialize(&bytes, &message);
  if (!read.ok()) {
    return new RefusedStream<grpc::ByteBuffer>(CallLog(parts_, context, "JobService.WatchJob"),
                                               absl::InvalidArgumentError(kUnreadableRequest));
  }
  return StartWatchJob(&parts_, context, &message);
}

grpc::ServerWriteReactor<v1::WatchJobsResponse>* JobService::WatchJobs(grpc::CallbackServerContext* context,
                                                                       const v1::WatchJobsRequest* request) {
  return StartWatchJobs(&parts_, context, request);
}

}  // namespace cvxnn::server
