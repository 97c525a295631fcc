// SPDX-License-Identifier: Apache-2.0
// The start of a server over the jobs that the last one left: what waited waits again, what ran is queued again unless
// it may be what ended the server, and what has expired goes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/jobs/job_end.h"
#include "server/jobs/job_manager.h"
#include "server/log/log.h"

namespace cvxnn::server {
namespace {

// A job that was running when this many servers ended without a drain may be what ended them.
constexpr int kMostLostAttempts = 3;

}  // namespace

absl::Status JobManager::TakeUpStoredJobs() {
  auto unfinished = parts_.jobs->ListUnfinished();
  if (!unfinished.ok()) return unfinished.status();
  const auto expiring = parts_.jobs->ListExpiring();
  if (!expiring.ok()) return expiring.status();
  for (const auto& [name, time] : *expiring) expirations_.Set(name, time);
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
    job->place = {stored.job.priority(), stored.number};
    job->begin = Begin::kOnceRecorded;
    auto device = parts_.devices->Canonical(stored.job.spec().device());
    if (!device.ok()) {
      const absl::Status gone = absl::FailedPreconditionError(device.status().message());
      job->log->ChangeState([&](v1::Job* failed) { FailJob(gone, options_.retention, failed); }, "its device is gone");
      continue;
    }
    job->device = *std::move(device);
    job->creator = stored.job.creator();
    // A drain would have put it back into the queue.
    if (stored.job.state() == v1::JOB_STATE_RUNNING && !QueueAgain(job->log.get())) continue;
    if (stored.job.state() == v1::JOB_STATE_PAUSED) {
      job->paused = true;
      Count(job->creator, 1);
      Keep(job);
      continue;
    }
    Count(job->creator, 1);
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
      FailJob(error, options_.retention, failed);
    };
    log->ChangeState(give_up, std::string(error.message()));
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

}  // namespace cvxnn::server
