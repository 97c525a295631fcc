// SPDX-License-Identifier: Apache-2.0
// One attempt of one job.
#include "server/jobs/job_runner.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/descent/checkpoint.h"
#include "core/torch/runtime.h"
#include "core/training/tensors.h"
#include "server/jobs/checkpoint_keeper.h"
#include "server/jobs/disk_need.h"
#include "server/jobs/job_end.h"
#include "server/jobs/model_writer.h"
#include "server/jobs/snapshot_keeper.h"
#include "server/log/log.h"
#include "server/store/clock.h"
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

// Not ended: it goes on later.
Outcome Waiting(v1::JobState state, std::string reason) {
  Outcome outcome;
  outcome.state = state;
  outcome.reason = std::move(reason);
  return outcome;
}

// Somebody can see to what is wrong and resume the job, which keeps its checkpoint.
Outcome PausedBy(const absl::Status& fault) {
  return Waiting(v1::JOB_STATE_PAUSED, absl::StrCat("paused: ", fault.message()));
}

// No trial of descent gave a usable model: a failure, of which the epochs and the report of the trials are kept.
Outcome Diverged(const training::Result& result, const descent::Grid& grid) {
  training::TrainedModel last;
  for (const training::TrainedModel& model : result.models) {
    if (model.final_metrics.epoch >= last.final_metrics.epoch) last = model;
  }
  Outcome outcome = Failed(absl::InvalidArgumentError(absl::StrCat(
      "descent.", grid.learning_rates.empty() ? "" : "grid.",
      grid.learning_rates.empty() ? "learning_rate" : "learning_rates", " = ",
      last.setting.value_or(training::TrialSetting()).learning_rate, ": must be smaller here: ",
      result.models.size() == 1 ? "the only trial diverged"
                                : absl::StrCat("all ", result.models.size(), " trials diverged, the last of them"),
      " after epoch ", last.final_metrics.epoch)));
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

// Which models are kept, in their order: all, or those of the least objective that did not diverge.
std::vector<std::size_t> Kept(const training::Result& result, std::int64_t keep_best) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < result.models.size(); ++i) {
    if (keep_best == 0 || !result.models[i].diverged) kept.push_back(i);
  }
  const auto most = static_cast<std::size_t>(keep_best);
  if (keep_best == 0 || kept.size() <= most) return kept;
  const auto objective = [&](std::size_t i) {
    return result.models[i].final_metrics.objective.value_or(std::numeric_limits<double>::infinity());
  };
  std::stable_sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) { return objective(a) < objective(b); });
  kept.resize(most);
  std::sort(kept.begin(), kept.end());
  return kept;
}

// Writes the weights that are kept. `names` gets one name for each model of the result, empty where it is not kept.
absl::StatusOr<std::vector<WrittenModel>> WriteModels(ModelWriter* writer, const training::Spec& spec,
                                                      const training::Result& result, std::vector<std::string>* names) {
  const std::vector<std::size_t> kept = Kept(result, spec.keep_best);
  std::vector<ModelStore::Unwritten> models;
  for (const std::size_t i : kept) {
    const training::TrainedModel& trained = result.models[i];
    models.push_back({ModelToProto(trained.network, trained.final_metrics), &trained.network});
  }
  auto written = writer->Write(std::move(models));
  if (!written.ok()) return written;
  names->assign(result.models.size(), "");
  for (std::size_t i = 0; i < kept.size(); ++i) (*names)[kept[i]] = (*written)[i].metadata.name();
  return written;
}

using KnownSnapshots = std::vector<std::pair<std::int32_t, std::int64_t>>;

// What an attempt and its hooks share.
struct Running {
  const JobRunner& runner;
  const v1::Job& job;
  const training::Spec& spec;
  const ResidentDatasets::Resident& dataset;
  const KnownSnapshots& known;  // trial and epoch of those that earlier attempts stored
  LiveLog* log;
  const std::atomic<StopReason>& stop;
};

// Trains from a checkpoint or from the start. What the log has already of earlier attempts is not appended again: the
// same spec on the same data reports the same epochs.
absl::StatusOr<training::Result> TrainFrom(const Running& running, StoredCheckpoint* checkpoint, ModelWriter* writer) {
  LiveLog* const log = running.log;
  SnapshotKeeper snapshots(writer, log, running.known);
  CheckpointKeeper checkpoints(running.runner.checkpoints, log, &snapshots, running.dataset.uid,
                               running.runner.checkpoint_interval, &running.stop);
  std::int64_t repeated = log->epochs() - (checkpoint == nullptr ? 0 : checkpoint->reports);

  const auto stopping = [&] { return running.stop.load(std::memory_order_relaxed) != StopReason::kNone; };
  training::Hooks hooks;
  absl::Status snapshot_fault;
  hooks.observer = [&](const training::EpochMetrics& metrics) {
    if (repeated > 0) {
      --repeated;
    } else {
      log->AppendEpoch(MetricsToProto(metrics), stopping);
    }
    snapshot_fault.Update(snapshots.FlushWhenDue());
    // Other stops come between epochs, so that a checkpoint has the reports of all trials.
    const bool ends = Ends(running.stop.load(std::memory_order_relaxed));
    return ends || !snapshot_fault.ok() ? training::Continue::kStop : training::Continue::kYes;
  };
  hooks.should_stop = stopping;
  hooks.load_model = [&](const std::string& model) { return running.runner.models->Load(model); };
  hooks.load_dataset = [&](const std::string& dataset) -> absl::StatusOr<std::shared_ptr<const data::Dataset>> {
    auto resident = running.runner.datasets->Get(dataset);
    if (!resident.ok()) return resident.status();
    return resident->dataset;
  };
  hooks.on_snapshot = [&](const training::Snapshot& snapshot) { return snapshots.Add(snapshot); };
  hooks.checkpoint_due = [&] {
    snapshot_fault.Update(snapshots.FlushWhenDue());
    return checkpoints.Due();
  };
  hooks.save_checkpoint = [&](training::Checkpoint saved) { checkpoints.Save(std::move(saved)); };
  if (checkpoint != nullptr) hooks.resume_from = &checkpoint->state;
  auto trained = Train(running.runner.trainer, running.spec, *running.dataset.dataset, hooks);
  if (trained.ok()) snapshot_fault.Update(snapshots.Flush());
  if (trained.ok() && !snapshot_fault.ok()) return snapshot_fault;
  return trained;
}

// As TrainFrom; a checkpoint that training refuses is logged and then not used.
absl::StatusOr<training::Result> TrainOn(const Running& running, AttemptStart start, ModelWriter* writer) {
  if (!start.checkpoint.has_value()) return TrainFrom(running, nullptr, writer);
  absl::Status refused;
  if (start.checkpoint->dataset_uid != running.dataset.uid) {
    refused = absl::FailedPreconditionError("its data set is another one than that of its checkpoint");
  } else {
    auto trained = TrainFrom(running, &*start.checkpoint, writer);
    if (!descent::IsCheckpointRefused(trained.status())) return trained;
    refused = trained.status();
  }
  LogEvent(LogLevel::kError, "a checkpoint is refused; the job begins again",
           {{"job", running.job.name()}, {"error", std::string(refused.message())}});
  running.log->ChangeState([](v1::Job* job) { job->set_state(v1::JOB_STATE_RUNNING); },
                           absl::StrCat("begins again: ", refused.message()));
  return TrainFrom(running, nullptr, writer);
}

// Whether the disk has room for the models that the job has still to store.
absl::Status CheckRoom(const JobRunner& runner, const training::Spec& spec, const data::Dataset& dataset,
                       std::size_t stored_snapshots) {
  const auto* descent = std::get_if<training::GradientDescent>(&spec.method);
  if (descent == nullptr) return absl::OkStatus();
  ModelShape shape{dataset.train.features.cols(), dataset.train.targets.cols()};
  const auto device = ParseDevice(spec.device);
  if (!device.ok()) return device.status();
  if (training::ChoosePrecision(spec, dataset.train.features.size(), *device) == training::Precision::kFloat32) {
    shape.element_bytes = sizeof(float);
  }
  if (const auto* from = std::get_if<descent::FromModels>(&descent->initialization); from && !from->models.empty()) {
    const auto model = runner.models->Get(from->models.front());
    if (!model.ok()) return model.status();
    shape.start = {model->neurons(),
                   model->activation() == v1::ACTIVATION_GATED ? Activation::kGated : Activation::kRelu};
  }
  const std::int64_t need = BytesOfModels(spec, shape, static_cast<std::int64_t>(stored_snapshots));
  const std::int64_t free = runner.models->FreeBytes();
  if (need <= free) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the models of this job take up to ", need, " bytes, the disk has ",
                                                   free, ": keep fewer (keep_best, snapshots)"));
}

// How training that gave a result, or was stopped before it had one, ends the job.
Outcome WithModels(ModelWriter* writer, const training::Spec& spec, const absl::StatusOr<training::Result>& trained,
                   StopReason reason, const v1::Job& job) {
  Outcome outcome;
  if (reason == StopReason::kCancel) {
    outcome.state = v1::JOB_STATE_CANCELLED;
    outcome.reason = "cancelled while running";
  } else if (reason == StopReason::kDeadline) {
    outcome = Failed(DeadlinePassed(job, "running"));
  } else if (trained->summary.termination == training::Termination::kNumericalTrouble) {
    outcome = Failed(absl::InternalError(trained->summary.message));
  } else {
    outcome.state = v1::JOB_STATE_SUCCEEDED;
    outcome.reason = trained->summary.message;
  }
  // Stopped before the first epoch there is nothing worth keeping.
  if (!trained.ok() || (Ends(reason) && trained->summary.epochs == 0)) return outcome;

  std::vector<std::string> names;
  auto models = WriteModels(writer, spec, *trained, &names);
  if (!models.ok() && Ends(reason)) {
    // On a full disk, say. Who cancels wants an end more than the network.
    absl::StrAppend(&outcome.reason, "; its network could not be stored: ", models.status().message());
    return outcome;
  }
  if (!models.ok()) return Failed(models.status());
  outcome.models = *std::move(models);
  outcome.result = ResultToProto(*trained, names);
  return outcome;
}

Outcome Attempt(const JobRunner& runner, const std::string& device, const v1::Job& job, AttemptStart start,
                LiveLog* log, const std::atomic<StopReason>& stop) {
  auto spec = SpecFromProto(job.spec());
  if (!spec.ok()) return Failed(spec.status());
  // Until the attempt has ended.
  absl::StatusOr<MemoryAdmission::Ticket> memory = MemoryAdmission::Ticket();
  if (runner.admission != nullptr && job.has_memory()) {
    memory = runner.admission->Admit(job.memory(), device, job.spec().dataset());
  }
  if (!memory.ok()) return start.checkpoint.has_value() ? PausedBy(memory.status()) : Failed(memory.status());
  auto dataset = runner.datasets->Get(job.spec().dataset());
  if (!dataset.ok()) return Failed(dataset.status());
  KnownSnapshots known;
  if (job.attempt() > 1) {
    auto stored = runner.models->Snapshots(job.name());
    if (!stored.ok()) return Failed(stored.status());
    known = *std::move(stored);
  }
  if (absl::Status room = CheckRoom(runner, *spec, *dataset->dataset, known.size()); !room.ok()) {
    return start.checkpoint.has_value() ? PausedBy(room) : Failed(std::move(room));
  }
  ModelWriter writer(runner.models, job, *dataset);
  // Loading a large data set takes seconds, as may what training does before it looks for the first time.
  auto trained = stop.load() != StopReason::kNone
                     ? absl::StatusOr<training::Result>(absl::CancelledError("stopped before training began"))
                     : TrainOn({runner, job, *spec, *dataset, known, log, stop}, std::move(start), &writer);

  const bool stopped = trained.ok() ? trained->summary.termination == training::Termination::kStopped
                                    : absl::IsCancelled(trained.status());
  // Read once: a cancellation may come at any moment. One that comes after this is the caller's.
  const StopReason reason = stopped ? stop.load() : StopReason::kNone;
  if (reason == StopReason::kDrain) return Waiting(v1::JOB_STATE_QUEUED, "server stopped");
  if (reason == StopReason::kPause) return Waiting(v1::JOB_STATE_PAUSED, "paused");
  if (reason == StopReason::kUnwritten) {
    return PausedBy(absl::UnavailableError(absl::StrCat("its log could not be written: ", log->fault().message())));
  }
  if (!trained.ok() && !Ends(reason)) return Failed(trained.status());
  if (trained.ok() && trained->summary.termination == training::Termination::kDiverged) {
    const auto* method = std::get_if<training::GradientDescent>(&spec->method);
    return Diverged(*trained, method == nullptr ? descent::Grid() : method->grid);
  }
  return WithModels(&writer, *spec, trained, reason, job);
}

void Apply(const Outcome& outcome, absl::Duration retention, v1::Job* job) {
  if (outcome.state == v1::JOB_STATE_QUEUED || outcome.state == v1::JOB_STATE_PAUSED) {
    job->set_state(outcome.state);
    if (outcome.state == v1::JOB_STATE_QUEUED) job->set_attempt(job->attempt() + 1);
    return;
  }
  if (outcome.state == v1::JOB_STATE_FAILED) {
    FailJob(outcome.error, retention, job);
  } else {
    EndJob(outcome.state, retention, job);
  }
  if (outcome.result.has_value()) *job->mutable_result() = *outcome.result;
}

}  // namespace

std::int64_t JobRunner::Run(const std::string& device, LiveLog* log, Begin begin,
                            const std::atomic<StopReason>& stop) const {
  AttemptStart start = StartOfAttempt(*checkpoints, log->appended(), log->epochs());
  const auto run = [](v1::Job* job) {
    job->set_state(v1::JOB_STATE_RUNNING);
    *job->mutable_start_time() = TimestampNow();
  };
  const std::int64_t started = log->ChangeState(run, start.reason);
  while (begin == Begin::kOnceRecorded && stop.load() == StopReason::kNone &&
         !log->WaitCommitted(started, absl::Now() + kRecordPoll)) {
  }
  const v1::Job job = log->appended();
  LogEvent(LogLevel::kInfo, "job running",
           {{"job", job.name()}, {"attempt", std::int64_t{job.attempt()}}, {"dataset", job.spec().dataset()}});
  Outcome outcome;
  try {
    outcome =
        start.unreadable.ok() ? Attempt(*this, device, job, std::move(start), log, stop) : PausedBy(start.unreadable);
  } catch (const std::bad_alloc&) {
    outcome = Failed(absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception& error) {
    outcome = Failed(absl::InternalError(error.what()));
  }
  LogEvent(LogLevel::kInfo, "job stopped running",
           {{"job", job.name()}, {"state", v1::JobState_Name(outcome.state)}, {"reason", outcome.reason}});
  return log->ChangeState([&](v1::Job* changed) { Apply(outcome, retention, changed); }, outcome.reason,
                          outcome.models);
}

}  // namespace cvxnn::server
