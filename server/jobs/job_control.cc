// SPDX-License-Identifier: Apache-2.0
// What changes jobs from outside: cancelling, pausing, resuming and deleting them, and the clock, which ends them at
// their deadline and deletes them when they expire.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/jobs/job_end.h"
#include "server/jobs/job_manager.h"
#include "server/log/log.h"

namespace cvxnn::server {
namespace {

// `done` told that a change is not written as something that passes.
LiveLog::Written NotWritten(const std::string& name, LiveLog::Written done) {
  return [name, done = std::move(done)](absl::StatusOr<v1::Job> written) {
    if (written.ok()) return done(*std::move(written));
    done(absl::UnavailableError(
        absl::StrCat(name, ": the change cannot be written just now: ", written.status().message())));
  };
}

}  // namespace

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
      queue_.Remove(queued->device, queued->place);
      Release(queued);
    }
  }
  if (queued == nullptr) return done(Get(name));
  const std::string reason = queued->paused ? "cancelled while paused" : "cancelled in the queue";
  CancelWaiting(queued->log.get(), reason, NotWritten(name, std::move(done)));
}

void JobManager::CancelWaiting(LiveLog* log, const std::string& reason, LiveLog::Written written) {
  log->ChangeState([&](v1::Job* job) { EndJob(v1::JOB_STATE_CANCELLED, options_.retention, job); }, reason, {},
                   std::move(written));
  LogEvent(LogLevel::kInfo, "job cancelled", {{"job", log->name()}, {"reason", reason}});
}

void JobManager::FailWaiting(LiveLog* log, const absl::Status& error) {
  const std::string reason(error.message());
  log->ChangeState([&](v1::Job* job) { FailJob(error, options_.retention, job); }, reason);
  LogEvent(LogLevel::kInfo, "job failed", {{"job", log->name()}, {"reason", reason}});
}

void JobManager::MeetDeadline(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(name);
  if (found == live_.end()) return;
  const std::shared_ptr<LiveJob> job = found->second;
  if (job->running) {
    StopReason reason = StopReason::kNone;
    if (!job->stop.compare_exchange_strong(reason, StopReason::kDeadline) && Pauses(reason)) {
      job->stop.compare_exchange_strong(reason, StopReason::kDeadline);
    }
    return;
  }
  if (!job->paused) queue_.Remove(job->device, job->place);
  Release(job);
  LogAudit("server", "deadline", name, "OK");
  FailWaiting(job->log.get(), DeadlinePassed(job->log->appended(), job->paused ? "paused" : "queued"));
}

void JobManager::PauseUnwritten(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(name);
  if (found == live_.end() || !found->second->running) return;
  StopReason none = StopReason::kNone;
  if (!found->second->stop.compare_exchange_strong(none, StopReason::kUnwritten)) return;
  found->second->resume = false;
  LogAudit("server", "pause", name, "OK");
}

std::optional<absl::Time> JobManager::Expire(const std::string& name) {
  constexpr absl::Duration kRetryInterval = absl::Minutes(1);
  const absl::Status deleted = Delete(name);
  LogAudit("server", "expire", name, absl::StatusCodeToString(deleted.code()));
  if (deleted.ok() || absl::IsNotFound(deleted)) return std::nullopt;
  LogEvent(LogLevel::kWarning, "a job that expired cannot be deleted; it is tried again",
           {{"job", name}, {"error", std::string(deleted.message())}});
  return absl::Now() + kRetryInterval;
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
      if (reason == StopReason::kDeadline) refused = absl::FailedPreconditionError(name + ": its deadline has passed");
      if (reason == StopReason::kDrain) {
        refused = absl::UnavailableError("the server is stopping: try again in a moment");
      }
    } else if (found != live_.end() && !found->second->paused) {
      queued = found->second;
      queue_.Remove(queued->device, queued->place);
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
    // About to pause, or recorded as paused while its slot has not let it go yet.
    if (found != live_.end() &&
        (Pauses(found->second->stop.load()) || found->second->log->appended().state() == v1::JOB_STATE_PAUSED)) {
      found->second->resume = true;
    }
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
      Release(paused);
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
  expirations_.Remove(name);
  changes_.Publish({name, true});
  LogEvent(LogLevel::kInfo, "job deleted", {{"job", name}});
  return absl::OkStatus();
}

}  // namespace cvxnn::server
