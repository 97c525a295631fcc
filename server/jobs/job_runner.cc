// SPDX-License-Identifier: Apache-2.0
// One attempt of one job.
#include "server/jobs/job_runner.h"

#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/log/log.h"
#include "server/store/clock.h"
#include "server/store/dataset_description.h"
#include "server/translate/dataset_description.h"
#include "server/translate/job_progress.h"
#include "server/translate/job_spec.h"

namespace cvxnn::server {
namespace {

// How often a start that waits to be recorded (a full disk) looks whether it is to stop.
constexpr absl::Duration kRecordPoll = absl::Milliseconds(200);

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

// No trial of descent gave a usable model: a failure, of which the epochs and the report of the trials are kept.
Outcome Diverged(const training::Result& result) {
  training::EpochMetrics last;
  for (const training::TrainedModel& model : result.models) {
    if (model.final_metrics.epoch >= last.epoch) last = model.final_metrics;
  }
  Outcome outcome = Failed(absl::InvalidArgumentError(absl::StrCat(
      "descent.learning_rate = ", last.step_size.value_or(0), ": must be smaller here: ",
      result.models.size() == 1 ? "the only trial diverged"
                                : absl::StrCat("all ", result.models.size(), " trials diverged, the last of them"),
      " after epoch ", last.epoch)));
  outcome.result = ResultToProto(result, std::vector<std::string>(result.models.size()));
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
                                                      const ResidentDatasets::Resident& resident,
                                                      const training::Result& result) {
  const data::Dataset& dataset = *resident.dataset;
  std::vector<WrittenModel> written;
  auto description = std::make_shared<const std::string>(EncodeDescription(dataset.description));
  if (description->size() > kMostKeptDescriptionBytes) description = nullptr;
  absl::Cleanup discard = [&] {
    for (const WrittenModel& model : written) store->RemoveFile(model.metadata.name());
  };
  for (const training::TrainedModel& trained : result.models) {
    v1::Model metadata = ModelToProto(trained);
    metadata.set_job(job.name());
    metadata.set_dataset(job.spec().dataset());
    metadata.set_dataset_uid(resident.uid);
    metadata.set_task(TaskToProto(dataset.description.task));
    for (const std::string& name : dataset.description.class_names) metadata.add_class_names(name);
    auto model = store->Write(std::move(metadata), trained.network);
    if (!model.ok()) return model.status();
    model->description = description;
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
  hooks.load_model = [&](const std::string& model) { return runner.models->Load(model); };
  auto trained = Train(runner.trainer, *spec, *dataset->dataset, hooks);

  const bool stopped = trained.ok() ? trained->summary.termination == training::Termination::kStopped
                                    : absl::IsCancelled(trained.status());
  // Read once: a cancellation may come at any moment. One that comes after this is the caller's.
  const StopReason reason = stopped ? stop.load() : StopReason::kNone;
  const bool cancelled = reason == StopReason::kCancel;
  Outcome outcome;
  if (reason == StopReason::kDrain) {
    outcome.state = v1::JOB_STATE_QUEUED;
    outcome.reason = "server stopped";
    return outcome;
  }
  if (!trained.ok() && !cancelled) return Failed(trained.status());
  if (trained.ok() && trained->summary.termination == training::Termination::kDiverged) {
    return Diverged(*trained);
  }
  outcome.state = cancelled ? v1::JOB_STATE_CANCELLED : v1::JOB_STATE_SUCCEEDED;
  outcome.reason = cancelled ? "cancelled while running" : trained->summary.message;
  // Cancelled before the first epoch there is nothing worth keeping.
  if (!trained.ok() || (cancelled && trained->summary.epochs == 0)) return outcome;

  auto models = WriteModels(runner.models, job, *dataset, *trained);
  if (!models.ok() && cancelled) {
    // On a full disk, say. Who cancels wants an end more than the network.
    absl::StrAppend(&outcome.reason, "; its network could not be stored: ", models.status().message());
    return outcome;
  }
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

std::int64_t JobRunner::Run(LiveLog* log, Begin begin, const std::atomic<StopReason>& stop) const {
  const auto start = [](v1::Job* job) {
    job->set_state(v1::JOB_STATE_RUNNING);
    *job->mutable_start_time() = TimestampNow();
  };
  const std::int64_t started = log->ChangeState(start, "");
  while (begin == Begin::kOnceRecorded && stop.load() == StopReason::kNone &&
         !log->WaitCommitted(started, absl::Now() + kRecordPoll)) {
  }
  const v1::Job job = log->appended();
  LogEvent(LogLevel::kInfo, "job running",
           {{"job", job.name()}, {"attempt", std::int64_t{job.attempt()}}, {"dataset", job.spec().dataset()}});
  Outcome outcome;
  try {
    outcome = Attempt(*this, job, log, stop);
  } catch (const std::bad_alloc&) {
    outcome = Failed(absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception& error) {
    outcome = Failed(absl::InternalError(error.what()));
  }
  LogEvent(LogLevel::kInfo, "job stopped running",
           {{"job", job.name()}, {"state", v1::JobState_Name(outcome.state)}, {"reason", outcome.reason}});
  return log->ChangeState([&](v1::Job* changed) { Apply(outcome, changed); }, outcome.reason, outcome.models);
}

}  // namespace cvxnn::server
