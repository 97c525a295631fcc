// SPDX-License-Identifier: Apache-2.0
// The writer thread, and reading for watchers.
#include "server/jobs/job_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/log/log.h"

namespace cvxnn::server {

JobLog::JobLog(JobStore* store, ChangeFeed* feed, Options options)
    : store_(store), feed_(feed), options_(std::move(options)), schedule_(options_.schedule), writer_([this] {
        WriteLoop();
      }) {}

JobLog::~JobLog() {
  {
    absl::MutexLock lock(&mutex_);
    closing_ = true;
  }
  writer_.join();
}

std::shared_ptr<LiveLog> JobLog::Open(const v1::Job& job, std::int64_t epochs) {
  auto log = std::make_shared<LiveLog>(job, epochs, options_.limits,
                                       [this](LiveLog* from, Urgency urgency) { Wake(from, urgency); });
  absl::MutexLock lock(&mutex_);
  live_[job.name()] = log;
  return log;
}

void JobLog::Forget(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  live_.erase(name);
  schedule_.Forget(name);
}

std::shared_ptr<LiveLog> JobLog::Find(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(name);
  return found == live_.end() ? nullptr : found->second;
}

void JobLog::Wake(LiveLog* log, Urgency urgency) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(log->name());
  if (found == live_.end()) return;
  schedule_.Add(found->second, urgency, absl::Now());
}

void JobLog::WriteLoop() {
  const auto has_work = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return closing_ || !schedule_.empty(); };
  const auto is_closing = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return closing_; };
  for (;;) {
    std::vector<std::shared_ptr<LiveLog>> logs;
    bool last = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      for (absl::Time due = schedule_.due(); !closing_ && due > absl::Now(); due = schedule_.due()) {
        // Another log, or this one, may become more urgent meanwhile.
        const auto is_sooner = [this, due]()
                                   ABSL_NO_THREAD_SAFETY_ANALYSIS { return closing_ || schedule_.due() < due; };
        mutex_.AwaitWithDeadline(absl::Condition(&is_sooner), due);
      }
      last = closing_;
      logs = schedule_.Take(last ? absl::InfiniteFuture() : absl::Now());
    }
    const auto [failed, with_epochs] = Commit(logs);
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, watchers] : with_epochs) {
      // The ended are forgotten.
      if (live_.contains(name)) schedule_.NoteCommit(name, watchers, absl::Now());
    }
    if (last) return;
    if (failed.empty()) continue;
    for (const auto& log : failed) schedule_.Add(log, Urgency::kNow, absl::Now());
    mutex_.AwaitWithTimeout(absl::Condition(&is_closing), options_.retry_interval);
  }
}

JobLog::Committed JobLog::Commit(const std::vector<std::shared_ptr<LiveLog>>& logs) {
  Committed result;
  std::vector<JobCommit> commits;
  std::vector<std::shared_ptr<LiveLog>> committing;
  for (const auto& log : logs) {
    if (auto commit = log->TakeWaiting()) {
      commits.push_back(*std::move(commit));
      committing.push_back(log);
    }
  }
  if (commits.empty()) return result;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const auto& events = commits[i].events;
    if (std::any_of(events.begin(), events.end(), [](const auto& event) { return event->has_metrics(); })) {
      result.with_epochs.emplace_back(committing[i]->name(), committing[i]->watchers());
    }
  }
  const bool together = store_->Commit(commits).ok();
  for (std::size_t i = 0; i < commits.size(); ++i) {
    // When the common transaction fails, each job gets one of its own, so that no job suffers from another.
    if (!together) {
      if (absl::Status status = store_->Commit(absl::MakeConstSpan(&commits[i], 1)); !status.ok()) {
        committing[i]->PutBack(commits[i], status);
        NoteFault(*committing[i], status);
        result.failed.push_back(committing[i]);
        continue;
      }
    }
    for (const auto& event : commits[i].events) {
      epochs_committed_.fetch_add(event->metrics().epochs_size(), std::memory_order_relaxed);
    }
    NoteWritten(*committing[i]);
    Publish(committing[i].get(), commits[i]);
  }
  return result;
}

void JobLog::NoteFault(const LiveLog& log, const absl::Status& status) {
  const absl::Time now = absl::Now();
  Fault& fault = faults_.try_emplace(log.name(), Fault{now}).first->second;
  unwritten_ = static_cast<std::int64_t>(faults_.size());
  // It is tried twice a second, perhaps for hours.
  if (now - fault.reported >= options_.report_interval) {
    fault.reported = now;
    LogEvent(LogLevel::kError, "a job's log cannot be written; it is tried again",
             {{"job", log.name()},
              {"seconds", absl::ToInt64Seconds(now - fault.since)},
              {"error", std::string(status.message())}});
  }
  if (!fault.told && options_.unwritten && now - fault.since >= options_.patience) {
    fault.told = true;
    options_.unwritten(log.name());
  }
}

void JobLog::NoteWritten(const LiveLog& log) {
  const auto fault = faults_.find(log.name());
  if (fault == faults_.end()) return;
  LogEvent(LogLevel::kInfo, "a job's log is written again",
           {{"job", log.name()}, {"seconds", absl::ToInt64Seconds(absl::Now() - fault->second.since)}});
  faults_.erase(fault);
  unwritten_ = static_cast<std::int64_t>(faults_.size());
}

void JobLog::Publish(LiveLog* log, const JobCommit& commit) {
  // Out of memory first: who is told that there is something new and looks then finds the end in the store.
  if (HasEnded(commit.job.state())) {
    Forget(log->name());
    if (options_.ended) options_.ended(commit.job);
  }
  log->Publish(commit);
  feed_->Publish({log->name(), false});
}

absl::StatusOr<LogRead> JobLog::Read(const std::string& name, std::int64_t after_sequence,
                                     std::int64_t max_records) const {
  if (after_sequence < 0) {
    return absl::InvalidArgumentError(absl::StrCat("after_sequence = ", after_sequence, ": must be >= 0"));
  }
  LogRead read;
  read.last_sequence = after_sequence;
  std::int64_t end_of_log = 0;
  bool ended = false;
  const auto live = Find(name);
  LiveLog::Visible visible;
  if (live != nullptr) visible = live->Read(after_sequence, max_records);
  // A job that is just being created may be in the store and not yet here.
  if (visible.last_sequence > 0) {
    end_of_log = visible.last_sequence;
    if (visible.ended.has_value()) {
      ended = true;
      read.job = *std::move(visible.ended);
    }
    if (visible.in_memory) {
      read.events = std::move(visible.events);
    } else {
      // Committed, but perhaps not yet visible, records beyond are left for the next read.
      auto part = store_->ReadLog(name, after_sequence, std::min(max_records, end_of_log - after_sequence),
                                  options_.limits.epochs_per_event);
      if (!part.ok()) return part.status();
      read.events = std::move(part->events);
    }
  } else {
    auto part = store_->ReadLog(name, after_sequence, max_records, options_.limits.epochs_per_event);
    if (!part.ok()) return part.status();
    end_of_log = part->job.last_sequence();
    ended = HasEnded(part->job.state());
    read.events = std::move(part->events);
    read.job = std::move(part->job);
  }
  if (after_sequence > end_of_log) {
    return absl::OutOfRangeError(
        absl::StrCat("after_sequence = ", after_sequence, ": the log of ", name, " ends at ", end_of_log));
  }
  if (!read.events.empty()) read.last_sequence = read.events.back()->sequence();
  read.end = ended && read.last_sequence == end_of_log;
  if (!read.end) read.job.Clear();
  return read;
}

absl::StatusOr<std::int64_t> JobLog::End(const std::string& name) const {
  if (const auto live = Find(name); live != nullptr) {
    if (const std::int64_t committed = live->committed(); committed > 0) return committed;
  }
  const auto job = store_->Get(name);
  if (!job.ok()) return job.status();
  return job->last_sequence();
}

Subscription JobLog::Subscribe(const std::string& name, std::function<void()> on_new) {
  const auto live = Find(name);
  return live == nullptr ? Subscription() : live->Subscribe(std::move(on_new));
}

}  // namespace cvxnn::server
