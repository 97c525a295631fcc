// SPDX-License-Identifier: Apache-2.0
// One attempt of one job.
#include "server/jobs/job_runner.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/store/clock.h"
#include "server/translate/dataset_description.h"
#include "server/translate/job_progress.h"
#include "server/translate/job_spec.h"

namespace cvxnn::server {
namespace {

// What an attempt ends with: the change of the job, why, and the models that come with it.
struct Outcome {
  v1::JobState state = v1::JOB_STATE_FAILED;
  std::string reason;
  absl::Status error;  // of a failed job
  std::optional<v1::JobResult> result;
  std::vector<WrittenModel> models;
};

Outcome Failed(absl::Status error) {
  Outcome outcome;
  outcome.reason = std::string(error.message());
  outcome.error = std::move(error);
  return outcome;
}

// The trainer's answer; whatever it throws becomes a Status.
absl::StatusOr<training::Result> Train(const Trainer& trainer, const training::Spec& spec, const data::Dataset& dataset,
                                       const training::Hooks& hooks) {
  try {
    return trainer(spec, dataset, hooks);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("training ran out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("training failed: ", error.what()));
  } catch (...) {
    return absl::InternalError("training failed for an unknown reason");
  }
}

absl::StatusOr<std::vector<WrittenModel>> WriteModels(ModelStore* store, const v1::Job& job,
                                                      const data::Dataset& dataset, const training::Result& result) {
  std::vector<WrittenModel> written;
  absl::Cleanup discard = [&] {
    for (const WrittenModel& model : written) store->RemoveFile(model.metadata.name());
  };
  for (const training::TrainedModel& trained : result.models) {
    v1::Model metadata = ModelToProto(trained);
    metadata.set_job(job.name());
    metadata.set_dataset(job.spec().dataset());
    metadata.set_task(TaskToProto(dataset.description.task));
    for (const std::string& name : dataset.description.class_names) metadata.add_class_names(name);
    auto model = store->Write(std::move(metadata), trained.network);
    if (!model.ok()) return model.status();
    written.push_back(*std::move(model));
  }
  std::move(discard).Cancel();
  return written;
}

Outcome Attempt(const JobRunner& runner, const v1::Job& job, LiveLog* log, const std::atomic<StopReason>& stop) {
  auto spec = SpecFromProto(job.spec());
  if (!spec.ok()) return Failed(spec.status());
  auto dataset = runner.datasets->Get(job.spec().dataset());
  if (!dataset.ok()) return Failed(dataset.status());

  const auto stopping = [&stop] { return stop.load(std::memory_order_relaxed) != StopReason::kNone; };
  training::Hooks hooks;
  hooks.observer = [&](const training::EpochMetrics& metrics) {
    log->AppendEpoch(MetricsToProto(metrics), stopping);
    return stopping() ? training::Continue::kStop : training::Continue::kYes;
  };
  hooks.should_stop = stopping;
  auto trained = Train(runner.trainer, *spec, **dataset, hooks);

  const bool stopped = trained.ok() ? trained->summary.termination == training::Termination::kStopped
                                    : absl::IsCancelled(trained.status());
  const bool cancelled = stopped && stop.load() == StopReason::kCancel;
  Outcome outcome;
  if (stopped && stop.load() == StopReason::kDrain) {
    outcome.state = v1::JOB_STATE_QUEUED;
    outcome.reason = "server stopped";
    return outcome;
  }
  if (!trained.ok() && !cancelled) return Failed(trained.status());
  outcome.state = cancelled ? v1::JOB_STATE_CANCELLED : v1::JOB_STATE_SUCCEEDED;
  outcome.reason = cancelled ? "cancelled while running" : trained->summary.message;
  // Cancelled before the first epoch there is nothing worth keeping.
  if (!trained.ok() || (cancelled && trained->summary.epochs == 0)) return outcome;

  auto models = WriteModels(runner.models, job, **dataset, *trained);
  if (!models.ok()) return Failed(models.status());
  outcome.models = *std::move(models);
  std::vector<std::string> names;
  for (const WrittenModel& model : outcome.models) names.push_back(model.metadata.name());
  outcome.result = ResultToProto(*trained, names);
  return outcome;
}

void Apply(const Outcome& outcome, v1::Job* job) {
  job->set_state(outcome.state);
  if (outcome.state == v1::JOB_STATE_QUEUED) {
    job->set_attempt(job->attempt() + 1);
    return;
  }
  *job->mutable_end_time() = TimestampNow();
  if (outcome.result.has_value()) *job->mutable_result() = *outcome.result;
  if (outcome.state == v1::JOB_STATE_FAILED) {
    job->mutable_error()->set_code(static_cast<int>(outcome.error.code()));
    job->mutable_error()->set_message(std::string(outcome.error.message()));
  }
}

}  // namespace

std::int64_t JobRunner::Run(LiveLog* log, const std::atomic<StopReason>& stop) const {
  const auto start = [](v1::Job* job) {
    job->set_state(v1::JOB_STATE_RUNNING);
    *job->mutable_start_time() = TimestampNow();
  };
  log->ChangeState(start, "");
  const v1::Job job = log->appended();
  spdlog::info("job={} event=running attempt={} dataset={}", job.name(), job.attempt(), job.spec().dataset());
  Outcome outcome;
  try {
    outcome = Attempt(*this, job, log, stop);
  } catch (const std::bad_alloc&) {
    outcome = Failed(absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception& error) {
    outcome = Failed(absl::InternalError(error.what()));
  }
  spdlog::info("job={} event={} reason=\"{}\"", job.name(), v1::JobState_Name(outcome.state), outcome.reason);
  return log->ChangeState([&](v1::Job* changed) { Apply(outcome, changed); }, outcome.reason, outcome.models);
}

}  // namespace cvxnn::server
