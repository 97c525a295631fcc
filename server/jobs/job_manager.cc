// SPDX-License-Identifier: Apache-2.0
// Queue, slots and the answers about jobs. What changes jobs is in job_control.cc, the start after a stop in
// job_recovery.cc.
#include "server/jobs/job_manager.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/torch/runtime.h"
#include "server/jobs/job_end.h"
#include "server/store/clock.h"
#include "server/store/random_id.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

// How often a slot whose job's end is not written yet looks whether the server stops.
constexpr absl::Duration kWritePoll = absl::Milliseconds(200);

JobManager::Options WithDefaults(JobManager::Options options) {
  if (!options.trainer) options.trainer = training::Train;
  if (options.compute_threads <= 0) {
    options.compute_threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return options;
}

// The new job's message before its first record.
v1::Job NewJob(const v1::Job& asked) {
  v1::Job job = AskedOf(asked);
  job.set_name(absl::StrCat("jobs/", RandomId()));
  if (asked.has_memory()) *job.mutable_memory() = asked.memory();
  job.set_creator(asked.creator());
  job.set_state(v1::JOB_STATE_QUEUED);
  job.set_attempt(1);
  *job.mutable_create_time() = TimestampNow();
  return job;
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
      runner_{parts.models,      parts.datasets,   parts.checkpoints,
              parts.admission,   options_.trainer, options_.checkpoint_interval,
              options_.retention},
      deadlines_([this](const std::string& name) {
        MeetDeadline(name);
        return std::nullopt;
      }),
      expirations_([this](const std::string& name) { return Expire(name); }),
      log_(parts.jobs, &changes_, LogOptions()) {}

JobManager::~JobManager() {
  deadlines_.Stop();
  expirations_.Stop();
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

JobLog::Options JobManager::LogOptions() {
  JobLog::Options options = options_.log;
  options.unwritten = [this](const std::string& name) { PauseUnwritten(name); };
  options.ended = [this](const v1::Job& job) {
    parts_.checkpoints->Remove(job.name());
    deadlines_.Remove(job.name());
    if (job.has_expire_time()) expirations_.Set(job.name(), FromProto(job.expire_time()));
  };
  return options;
}

void JobManager::Keep(const std::shared_ptr<LiveJob>& job) {
  const v1::Job message = job->log->appended();
  live_[message.name()] = job;
  if (message.has_deadline()) deadlines_.Set(message.name(), FromProto(message.deadline()));
}

void JobManager::Enqueue(const std::shared_ptr<LiveJob>& job) {
  job->running = false;
  job->paused = false;
  job->stop = StopReason::kNone;
  Keep(job);
  queue_.Push(job->device, job->place, job->log->name());
}

absl::StatusOr<v1::Job> JobManager::Create(const v1::Job& asked, const std::string& request_id,
                                           std::optional<std::int64_t> most_jobs) {
  auto device = parts_.devices->Canonical(asked.spec().device());
  v1::Job job = NewJob(asked);
  const absl::Status refused = device.ok() ? Reserve(job, most_jobs) : device.status();
  if (refused.ok()) return StoreNew(std::move(job), *device, request_id);
  // A request that is repeated succeeds whatever has happened since.
  if (request_id.empty()) return refused;
  auto earlier = parts_.jobs->FindRequest(request_id, asked);
  if (earlier.ok()) return Get(earlier->name());
  return absl::IsNotFound(earlier.status()) ? refused : earlier.status();
}

absl::Status JobManager::Reserve(const v1::Job& job, std::optional<std::int64_t> most_jobs) {
  absl::MutexLock lock(&mutex_);
  if (draining_) return absl::UnavailableError("the server is stopping: try again in a moment");
  if (queue_.size() + static_cast<std::int64_t>(creating_.size()) >= options_.max_queued_jobs) {
    return absl::ResourceExhaustedError(absl::StrCat("the queue is full: ", queue_.size(), " jobs wait, at most ",
                                                     options_.max_queued_jobs, " may: try again later"));
  }
  if (const auto found = unfinished_.find(job.creator());
      most_jobs.has_value() && found != unfinished_.end() && found->second >= *most_jobs) {
    return QuotaExceeded(
        "jobs", absl::StrCat(found->second, " jobs", job.creator().empty() ? "" : absl::StrCat(" of ", job.creator()),
                             " have not ended, at most ", *most_jobs, " may: try again later"));
  }
  creating_.insert(job.name());
  Count(job.creator(), 1);
  return absl::OkStatus();
}

void JobManager::Count(const std::string& creator, std::int64_t change) {
  if ((unfinished_[creator] += change) == 0) unfinished_.erase(creator);
}

void JobManager::Release(const std::shared_ptr<LiveJob>& job) {
  live_.erase(job->log->name());
  Count(job->creator, -1);
}

absl::StatusOr<v1::Job> JobManager::StoreNew(v1::Job job, const std::string& device, const std::string& request_id) {
  const std::string name = job.name();
  auto live = std::make_shared<LiveJob>();
  live->device = device;
  live->creator = job.creator();
  bool is_new = false;
  // However this ends, also by an exception: a stored job is in the queue, and nobody waits for its creation any more.
  absl::Cleanup finish = [&] {
    if (!is_new) log_.Forget(name);
    absl::MutexLock lock(&mutex_);
    creating_.erase(name);
    if (is_new) {
      Enqueue(live);
    } else {
      Count(live->creator, -1);
    }
  };
  live->log = log_.Open(job);
  const JobCommit commit = FirstCommit(job);
  auto created = parts_.jobs->Create(commit, request_id);
  if (!created.ok()) return created.status();
  is_new = created->is_new;
  if (!is_new) return Get(created->job.name());
  live->place = {job.priority(), created->number};
  log_.Publish(live->log.get(), commit);
  std::move(finish).Invoke();
  absl::MutexLock lock(&mutex_);
  created->job.set_queue_position(queue_.Position(device, live->place));
  return created->job;
}

absl::StatusOr<v1::Job> JobManager::Get(const std::string& name) const {
  auto job = parts_.jobs->Get(name);
  if (!job.ok() || job->state() != v1::JOB_STATE_QUEUED) return job;
  absl::MutexLock lock(&mutex_);
  job->set_queue_position(PositionOf(name));
  return job;
}

std::int32_t JobManager::PositionOf(const std::string& name) const {
  const auto found = live_.find(name);
  return found == live_.end() ? 0 : queue_.Position(found->second->device, found->second->place);
}

absl::StatusOr<Page<v1::Job>> JobManager::List(const v1::JobFilter& filter, const PageRequest& request) const {
  auto page = parts_.jobs->List(filter, request);
  if (!page.ok()) return page;
  absl::MutexLock lock(&mutex_);
  for (v1::Job& job : page->items) {
    if (job.state() == v1::JOB_STATE_QUEUED) job.set_queue_position(PositionOf(job.name()));
  }
  return page;
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
    const std::int64_t last = runner_.Run(device, job->log.get(), job->begin, job->stop);
    // With a full disk the final state is written later; a server that stops does not wait for that.
    while (!job->log->WaitCommitted(last, absl::Now() + kWritePoll) && !IsDraining()) {
    }
    absl::MutexLock lock(&mutex_);
    --running_;
    AfterRun(job, job->log->appended().state());
  }
}

void JobManager::AfterRun(const std::shared_ptr<LiveJob>& job, v1::JobState state) {
  const StopReason reason = job->stop.load();
  if (HasEnded(state)) {
    Release(job);
  } else if (Ends(reason)) {
    // Cancelled, say, when a drain had put it back into the queue, or a pause had come about, already.
    Release(job);
    if (reason == StopReason::kCancel) {
      CancelWaiting(job->log.get(), "cancelled after it had stopped running", nullptr);
    } else {
      FailWaiting(job->log.get(), DeadlinePassed(job->log->appended(), "running"));
    }
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
