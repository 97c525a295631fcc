// SPDX-License-Identifier: Apache-2.0
// Queue, slots and the answers about jobs.
#include "server/jobs/job_manager.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "core/torch/runtime.h"
#include "server/log/log.h"
#include "server/store/clock.h"
#include "server/store/random_id.h"

namespace cvxnn::server {
namespace {

// How often a slot whose job's end is not written yet looks whether the server stops.
constexpr absl::Duration kWritePoll = absl::Milliseconds(200);

// A job that was running when this many servers ended without a drain may be what ended them.
constexpr int kMostLostAttempts = 3;

void Fail(const absl::Status& error, v1::Job* job) {
  job->set_state(v1::JOB_STATE_FAILED);
  *job->mutable_end_time() = TimestampNow();
  job->mutable_error()->set_code(static_cast<int>(error.code()));
  job->mutable_error()->set_message(std::string(error.message()));
}

JobManager::Options WithDefaults(JobManager::Options options) {
  if (!options.trainer) options.trainer = training::Train;
  if (options.compute_threads <= 0) {
    options.compute_threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return options;
}

// The new job's message before its first record.
v1::Job NewJob(const v1::Job& asked) {
  v1::Job job;
  job.set_name(absl::StrCat("jobs/", RandomId()));
  job.set_display_name(asked.display_name());
  job.set_experiment(asked.experiment());
  *job.mutable_labels() = asked.labels();
  *job.mutable_spec() = asked.spec();
  job.set_state(v1::JOB_STATE_QUEUED);
  job.set_attempt(1);
  *job.mutable_create_time() = TimestampNow();
  return job;
}

// `done` told that a change is not written as something that passes.
LiveLog::Written NotWritten(const std::string& name, LiveLog::Written done) {
  return [name, done = std::move(done)](absl::StatusOr<v1::Job> written) {
    if (written.ok()) return done(*std::move(written));
    done(absl::UnavailableError(
        absl::StrCat(name, ": the change cannot be written just now: ", written.status().message())));
  };
}

JobCommit FirstCommit(const v1::Job& job) {
  JobCommit commit;
  commit.job = job;
  commit.job.set_last_sequence(1);
  auto event = std::make_shared<v1::WatchJobResponse>();
  event->set_sequence(1);
  event->mutable_state_change()->set_state(job.state());
  event->mutable_state_change()->set_attempt(job.attempt());
  *event->mutable_state_change()->mutable_time() = job.create_time();
  commit.events.push_back(std::move(event));
  return commit;
}

}  // namespace

JobManager::JobManager(const Parts& parts, Options options)
    : parts_(parts),
      options_(WithDefaults(std::move(options))),
      runner_{parts.models, parts.datasets, parts.checkpoints, options_.trainer, options_.checkpoint_interval},
      log_(parts.jobs, &changes_, options_.log) {}

JobManager::~JobManager() {
  Drain(absl::InfinitePast());
  slots_.clear();
}

absl::StatusOr<std::unique_ptr<JobManager>> JobManager::Start(const Parts& parts, Options options) {
  std::unique_ptr<JobManager> manager(new JobManager(parts, std::move(options)));
  if (absl::Status taken = manager->TakeUpStoredJobs(); !taken.ok()) return taken;
  for (const std::string& device : parts.devices->names()) {
    for (int slot = 0; slot < manager->options_.running_jobs_per_device; ++slot) {
      manager->slots_.emplace_back([self = manager.get(), device] { self->RunSlot(device); });
    }
  }
  return manager;
}

absl::Status JobManager::TakeUpStoredJobs() {
  auto unfinished = parts_.jobs->ListUnfinished();
  if (!unfinished.ok()) return unfinished.status();
  absl::flat_hash_set<std::string> names;
  for (const JobStore::Created& stored : *unfinished) names.insert(stored.job.name());
  parts_.checkpoints->RemoveOthers(names);
  absl::MutexLock lock(&mutex_);
  for (const JobStore::Created& stored : *unfinished) {
    std::int64_t epochs = 0;
    if (stored.job.has_latest()) {
      auto counted = parts_.jobs->CountEpochs(stored.job.name());
      if (!counted.ok()) return counted.status();
      epochs = *counted;
    }
    auto job = std::make_shared<LiveJob>();
    job->log = log_.Open(stored.job, epochs);
    job->number = stored.number;
    job->begin = Begin::kOnceRecorded;
    auto device = parts_.devices->Canonical(stored.job.spec().device());
    if (!device.ok()) {
      const absl::Status gone = absl::FailedPreconditionError(device.status().message());
      job->log->ChangeState([&](v1::Job* failed) { Fail(gone, failed); }, "its device is gone", {},
                            WithoutCheckpoint(stored.job.name(), nullptr));
      continue;
    }
    job->device = *std::move(device);
    // A drain would have put it back into the queue.
    if (stored.job.state() == v1::JOB_STATE_RUNNING && !QueueAgain(job->log.get())) continue;
    if (stored.job.state() == v1::JOB_STATE_PAUSED) {
      job->paused = true;
      live_[stored.job.name()] = job;
      continue;
    }
    Enqueue(job);
  }
  return absl::OkStatus();
}

bool JobManager::QueueAgain(LiveLog* log) const {
  const v1::Job job = log->appended();
  const int lost = job.lost_attempts() + 1;
  LogFields fields = {
      {"job", job.name()}, {"attempt", std::int64_t{job.attempt()}}, {"lost_attempts", std::int64_t{lost}}};
  if (lost >= kMostLostAttempts) {
    const absl::Status error =
        absl::AbortedError(absl::StrCat("the server did not survive ", lost,
                                        " attempts to run this job (it crashed, was killed or lost "
                                        "power each time): the job is given up, since it may be the cause"));
    const auto give_up = [&](v1::Job* failed) {
      failed->set_lost_attempts(lost);
      Fail(error, failed);
    };
    log->ChangeState(give_up, std::string(error.message()), {}, WithoutCheckpoint(job.name(), nullptr));
    LogEvent(LogLevel::kError, "job given up: the server did not survive its attempts", fields);
    return false;
  }
  const auto requeue = [&](v1::Job* again) {
    again->set_lost_attempts(lost);
    again->set_state(v1::JOB_STATE_QUEUED);
    again->set_attempt(again->attempt() + 1);
  };
  log->ChangeState(requeue, "server restarted");
  LogEvent(LogLevel::kWarning, "job queued again: the server ended while it ran", fields);
  return true;
}

void JobManager::Enqueue(const std::shared_ptr<LiveJob>& job) {
  job->running = false;
  job->paused = false;
  job->stop = StopReason::kNone;
  live_[job->log->name()] = job;
  queue_.Push(job->device, job->number, job->log->name());
}

absl::StatusOr<v1::Job> JobManager::Create(const v1::Job& asked, const std::string& request_id) {
  auto device = parts_.devices->Canonical(asked.spec().device());
  v1::Job job = NewJob(asked);
  const absl::Status refused = device.ok() ? Reserve(job.name()) : device.status();
  if (refused.ok()) return StoreNew(std::move(job), *device, request_id);
  // A request that is repeated succeeds whatever has happened since.
  if (request_id.empty()) return refused;
  auto earlier = parts_.jobs->FindRequest(request_id, asked);
  if (earlier.ok()) return Get(earlier->name());
  return absl::IsNotFound(earlier.status()) ? refused : earlier.status();
}

absl::Status JobManager::Reserve(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  if (draining_) return absl::UnavailableError("the server is stopping: try again in a moment");
  if (queue_.size() + static_cast<std::int64_t>(creating_.size()) >= options_.max_queued_jobs) {
    return absl::ResourceExhaustedError(absl::StrCat("the queue is full: ", queue_.size(), " jobs wait, at most ",
                                                     options_.max_queued_jobs, " may: try again later"));
  }
  creating_.insert(name);
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> JobManager::StoreNew(v1::Job job, const std::string& device, const std::string& request_id) {
  const std::string name = job.name();
  auto live = std::make_shared<LiveJob>();
  live->device = device;
  bool is_new = false;
  // However this ends, also by an exception: a stored job is in the queue, and nobody waits for its creation any more.
  absl::Cleanup finish = [&] {
    if (!is_new) log_.Forget(name);
    absl::MutexLock lock(&mutex_);
    creating_.erase(name);
    if (is_new) Enqueue(live);
  };
  live->log = log_.Open(job);
  const JobCommit commit = FirstCommit(job);
  auto created = parts_.jobs->Create(commit, request_id);
  if (!created.ok()) return created.status();
  is_new = created->is_new;
  if (!is_new) return Get(created->job.name());
  live->number = created->number;
  log_.Publish(live->log.get(), commit);
  std::move(finish).Invoke();
  absl::MutexLock lock(&mutex_);
  created->job.set_queue_position(queue_.Position(device, live->number));
  return created->job;
}

absl::StatusOr<v1::Job> JobManager::Get(const std::string& name) const {
  auto job = parts_.jobs->Get(name);
  if (!job.ok() || job->state() != v1::JOB_STATE_QUEUED) return job;
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(name);
  job->set_queue_position(found == live_.end() ? 0 : queue_.Position(found->second->device, found->second->number));
  return job;
}

absl::StatusOr<Page<v1::Job>> JobManager::List(const v1::JobFilter& filter, const PageRequest& request) const {
  auto page = parts_.jobs->List(filter, request);
  if (!page.ok()) return page;
  absl::flat_hash_map<std::string, std::int32_t> positions;
  {
    absl::MutexLock lock(&mutex_);
    positions = queue_.Positions();
  }
  for (v1::Job& job : page->items) {
    if (job.state() == v1::JOB_STATE_QUEUED) job.set_queue_position(positions[job.name()]);
  }
  return page;
}

void JobManager::Cancel(const std::string& name, LiveLog::Written done) {
  std::shared_ptr<LiveJob> queued;
  {
    absl::MutexLock lock(&mutex_);
    const auto is_stored = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !creating_.contains(name); };
    mutex_.Await(absl::Condition(&is_stored));
    const auto found = live_.find(name);
    if (found != live_.end() && found->second->running) {
      found->second->stop.store(StopReason::kCancel);
      LogEvent(LogLevel::kInfo, "job asked to stop", {{"job", name}});
    } else if (found != live_.end()) {
      queued = found->second;
      queue_.Remove(queued->device, queued->number);
      live_.erase(found);
    }
  }
  if (queued == nullptr) return done(Get(name));
  const std::string reason = queued->paused ? "cancelled while paused" : "cancelled in the queue";
  CancelWaiting(queued->log.get(), reason, NotWritten(name, std::move(done)));
}

void JobManager::CancelWaiting(LiveLog* log, const std::string& reason, LiveLog::Written written) {
  const auto cancel = [](v1::Job* cancelled) {
    cancelled->set_state(v1::JOB_STATE_CANCELLED);
    *cancelled->mutable_end_time() = TimestampNow();
  };
  log->ChangeState(cancel, reason, {}, WithoutCheckpoint(log->name(), std::move(written)));
  LogEvent(LogLevel::kInfo, "job cancelled", {{"job", log->name()}, {"reason", reason}});
}

LiveLog::Written JobManager::WithoutCheckpoint(const std::string& name, LiveLog::Written written) const {
  return [checkpoints = parts_.checkpoints, name, written = std::move(written)](absl::StatusOr<v1::Job> job) {
    if (job.ok()) checkpoints->Remove(name);
    if (written) written(std::move(job));
  };
}

void JobManager::Pause(const std::string& name, LiveLog::Written done) {
  std::shared_ptr<LiveJob> queued;
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    const auto is_stored = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !creating_.contains(name); };
    mutex_.Await(absl::Condition(&is_stored));
    const auto found = live_.find(name);
    if (found != live_.end() && found->second->running) {
      StopReason reason = StopReason::kNone;
      found->second->stop.compare_exchange_strong(reason, StopReason::kPause);
      found->second->resume = false;
      if (reason == StopReason::kCancel) refused = absl::FailedPreconditionError(name + ": is being cancelled");
      if (reason == StopReason::kDrain)
        refused = absl::UnavailableError("the server is stopping: try again in a moment");
    } else if (found != live_.end() && !found->second->paused) {
      queued = found->second;
      queue_.Remove(queued->device, queued->number);
      queued->paused = true;
      const auto pause = [](v1::Job* paused) { paused->set_state(v1::JOB_STATE_PAUSED); };
      queued->log->ChangeState(pause, "paused in the queue", {}, NotWritten(name, std::move(done)));
    }
  }
  if (queued != nullptr) return;
  if (!refused.ok()) return done(refused);
  auto job = Get(name);
  if (job.ok() && HasEnded(job->state())) return done(absl::FailedPreconditionError(name + ": has ended"));
  done(std::move(job));
}

void JobManager::Requeue(const std::shared_ptr<LiveJob>& job, LiveLog::Written written) {
  const auto queue = [](v1::Job* queued) {
    queued->set_state(v1::JOB_STATE_QUEUED);
    if (queued->has_start_time()) queued->set_attempt(queued->attempt() + 1);
  };
  job->log->ChangeState(queue, "resumed", {}, std::move(written));
  Enqueue(job);
}

void JobManager::Resume(const std::string& name, LiveLog::Written done) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = live_.find(name);
    if (found != live_.end() && found->second->paused) {
      Requeue(found->second, NotWritten(name, std::move(done)));
      return;
    }
    if (found != live_.end() && found->second->stop.load() == StopReason::kPause) found->second->resume = true;
  }
  auto job = Get(name);
  if (job.ok() && HasEnded(job->state())) return done(absl::FailedPreconditionError(name + ": has ended"));
  done(std::move(job));
}

absl::Status JobManager::Delete(const std::string& name) {
  std::shared_ptr<LiveJob> paused;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = live_.find(name);
    if (found != live_.end() && found->second->paused) {
      paused = found->second;
      live_.erase(found);
    }
  }
  if (paused != nullptr) {
    // Whoever watches it learns of its end.
    absl::Notification ended;
    absl::Status status;
    CancelWaiting(paused->log.get(), "deleted while paused", [&](const absl::StatusOr<v1::Job>& written) {
      status = written.status();
      ended.Notify();
    });
    ended.WaitForNotification();
    if (!status.ok())
      return absl::UnavailableError(absl::StrCat(name, ": cannot be deleted just now: ", status.message()));
  }
  auto files = parts_.jobs->Delete(name);
  if (!files.ok()) return files.status();
  for (const std::string& file : *files) parts_.models->RemoveFile(file);
  parts_.checkpoints->Remove(name);
  changes_.Publish({name, true});
  LogEvent(LogLevel::kInfo, "job deleted", {{"job", name}});
  return absl::OkStatus();
}

bool JobManager::IsDraining() const {
  absl::MutexLock lock(&mutex_);
  return draining_;
}

std::shared_ptr<JobManager::LiveJob> JobManager::NextJob(const std::string& device) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return draining_ || !queue_.IsEmpty(device); };
  mutex_.Await(absl::Condition(&ready));
  if (draining_) return nullptr;
  const auto name = queue_.Pop(device);
  const auto& job = live_.at(*name);
  job->running = true;
  ++running_;
  return job;
}

void JobManager::RunSlot(const std::string& device) {
  // OpenMP keeps the number of threads per calling thread, so each slot says it for itself.
  SetComputeThreads(options_.compute_threads);
  while (const auto job = NextJob(device)) {
    const std::int64_t last = runner_.Run(job->log.get(), job->begin, job->stop);
    // With a full disk the final state is written later; a server that stops does not wait for that.
    bool recorded = false;
    while (!(recorded = job->log->WaitCommitted(last, absl::Now() + kWritePoll)) && !IsDraining()) {
    }
    const v1::JobState state = job->log->appended().state();
    if (recorded && HasEnded(state)) parts_.checkpoints->Remove(job->log->name());
    absl::MutexLock lock(&mutex_);
    --running_;
    if (HasEnded(state)) {
      live_.erase(job->log->name());
    } else if (job->stop.load() == StopReason::kCancel) {
      // Cancelled when a drain had put it back into the queue, or a pause had come about, already.
      live_.erase(job->log->name());
      CancelWaiting(job->log.get(), "cancelled after it had stopped running", nullptr);
    } else if (state == v1::JOB_STATE_PAUSED && !job->resume) {
      job->running = false;
      job->paused = true;
      job->stop = StopReason::kNone;
    } else if (state == v1::JOB_STATE_PAUSED) {
      job->resume = false;
      Requeue(job, nullptr);
    } else {
      Enqueue(job);
    }
  }
}

void JobManager::Drain(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  const auto idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return running_ == 0 && creating_.empty(); };
  if (mutex_.AwaitWithDeadline(absl::Condition(&idle), deadline)) return;
  for (const auto& [name, job] : live_) {
    StopReason none = StopReason::kNone;
    if (job->running) job->stop.compare_exchange_strong(none, StopReason::kDrain);
  }
  mutex_.Await(absl::Condition(&idle));
}

}  // namespace cvxnn::server
