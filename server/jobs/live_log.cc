// SPDX-License-Identifier: Apache-2.0
// Buffer and tail of one job's log.
#include "server/jobs/live_log.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "server/store/clock.h"

namespace cvxnn::server {
namespace {

constexpr absl::Duration kGiveUpPoll = absl::Milliseconds(20);

// Trials that run side by side report the same epoch one after the other; `latest` is that of the first of them.
bool IsLatest(const v1::Job& job, const v1::EpochMetrics& metrics) {
  return !job.has_latest() || job.latest().epoch() != metrics.epoch() || metrics.trial() <= job.latest().trial();
}

std::int64_t Records(const v1::WatchJobResponse& event) { return event.sequence() - FirstSequence(event) + 1; }

}  // namespace

LiveLog::LiveLog(v1::Job job, std::int64_t epochs, LogLimits limits, std::function<void(LiveLog*, Urgency)> wake_writer)
    : name_(job.name()),
      limits_(limits),
      wake_writer_(std::move(wake_writer)),
      job_(job),
      epochs_(epochs),
      visible_(std::move(job)) {}

std::int64_t LiveLog::NextSequence() {
  ++waiting_records_;
  job_.set_last_sequence(job_.last_sequence() + 1);
  return job_.last_sequence();
}

void LiveLog::AppendEpoch(v1::EpochMetrics metrics, absl::FunctionRef<bool()> give_up) {
  bool wake = false;
  Urgency urgency = Urgency::kPrompt;
  {
    absl::MutexLock lock(&mutex_);
    const auto has_room = [this]()
                              ABSL_NO_THREAD_SAFETY_ANALYSIS { return waiting_records_ < limits_.buffered_records; };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&has_room), kGiveUpPoll)) {
      if (give_up()) break;
    }
    // One epoch among those that wait has called the writer already; a change of state may have asked for less.
    wake = waiting_.empty() || waiting_.back()->has_state_change();
    ++epochs_;
    if (IsLatest(job_, metrics)) *job_.mutable_latest() = metrics;
    if (waiting_.empty() || !waiting_.back()->has_metrics() ||
        waiting_.back()->metrics().epochs_size() >= limits_.epochs_per_event) {
      waiting_.push_back(std::make_shared<v1::WatchJobResponse>());
      waiting_.back()->mutable_metrics()->set_first_sequence(job_.last_sequence() + 1);
    }
    waiting_.back()->set_sequence(NextSequence());
    *waiting_.back()->mutable_metrics()->add_epochs() = std::move(metrics);
    if (waiting_records_ == limits_.buffered_records / 2) {
      wake = true;
      urgency = Urgency::kNow;
    }
  }
  if (wake) wake_writer_(this, urgency);
}

std::int64_t LiveLog::ChangeState(absl::FunctionRef<void(v1::Job*)> change, const std::string& reason,
                                  std::vector<WrittenModel> models, Written written) {
  std::int64_t sequence = 0;
  Urgency urgency = Urgency::kNow;
  {
    absl::MutexLock lock(&mutex_);
    change(&job_);
    if (job_.state() == v1::JOB_STATE_RUNNING) urgency = Urgency::kSoon;
    auto event = std::make_shared<v1::WatchJobResponse>();
    v1::StateChange* record = event->mutable_state_change();
    record->set_state(job_.state());
    record->set_attempt(job_.attempt());
    *record->mutable_time() = TimestampNow();
    record->set_reason(reason);
    sequence = NextSequence();
    event->set_sequence(sequence);
    waiting_.push_back(std::move(event));
    std::move(models.begin(), models.end(), std::back_inserter(waiting_models_));
    if (written) to_tell_.emplace_back(sequence, std::move(written));
  }
  wake_writer_(this, urgency);
  return sequence;
}

void LiveLog::AddModels(std::vector<WrittenModel> models) {
  if (models.empty()) return;
  {
    absl::MutexLock lock(&mutex_);
    std::move(models.begin(), models.end(), std::back_inserter(waiting_models_));
  }
  wake_writer_(this, Urgency::kPrompt);
}

std::int64_t LiveLog::epochs() const {
  absl::MutexLock lock(&mutex_);
  return epochs_;
}

bool LiveLog::WaitCommitted(absl::Time deadline, absl::FunctionRef<bool()> give_up) {
  wake_writer_(this, Urgency::kNow);
  absl::MutexLock lock(&mutex_);
  const auto committed = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return taken_ == 0 && waiting_.empty() && waiting_models_.empty();
  };
  while (!mutex_.AwaitWithTimeout(absl::Condition(&committed), kGiveUpPoll)) {
    if (give_up() || absl::Now() >= deadline) return false;
  }
  return true;
}

bool LiveLog::WaitCommitted(std::int64_t sequence, absl::Time deadline) const {
  absl::MutexLock lock(&mutex_);
  const auto committed = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return visible_.last_sequence() >= sequence; };
  return mutex_.AwaitWithDeadline(absl::Condition(&committed), deadline);
}

v1::Job LiveLog::appended() const {
  absl::MutexLock lock(&mutex_);
  return job_;
}

std::optional<JobCommit> LiveLog::TakeWaiting() {
  absl::MutexLock lock(&mutex_);
  if (waiting_.empty() && waiting_models_.empty()) return std::nullopt;
  ++taken_;
  JobCommit commit;
  commit.job = job_;
  commit.events.assign(waiting_.begin(), waiting_.end());
  commit.models = std::exchange(waiting_models_, {});
  waiting_.clear();
  waiting_records_ = 0;
  return commit;
}

std::vector<LiveLog::Written> LiveLog::TakeTold(std::int64_t last_sequence) {
  std::vector<Written> told;
  for (; !to_tell_.empty() && to_tell_.front().first <= last_sequence; to_tell_.pop_front()) {
    told.push_back(std::move(to_tell_.front().second));
  }
  return told;
}

void LiveLog::Publish(const JobCommit& commit) {
  std::vector<Written> told;
  {
    absl::MutexLock lock(&mutex_);
    visible_ = commit.job;
    taken_ = 0;
    // A job that was just created appears in its live log with its first commit.
    if (job_.last_sequence() < visible_.last_sequence()) job_ = visible_;
    tail_.insert(tail_.end(), commit.events.begin(), commit.events.end());
    while (tail_.size() > 1 && tail_.back()->sequence() - tail_.front()->sequence() > limits_.tail_records) {
      tail_.pop_front();
    }
    told = TakeTold(commit.job.last_sequence());
  }
  for (const Written& written : told) written(commit.job);
  subscribers_.Notify();
}

void LiveLog::PutBack(const JobCommit& commit, const absl::Status& reason) {
  std::vector<Written> told;
  {
    absl::MutexLock lock(&mutex_);
    taken_ = 0;
    fault_ = reason;
    told = TakeTold(commit.job.last_sequence());
    std::vector<std::shared_ptr<v1::WatchJobResponse>> events;
    for (const auto& event : commit.events) {
      // Copied because appending may go on in the last one.
      events.push_back(std::make_shared<v1::WatchJobResponse>(*event));
      waiting_records_ += Records(*event);
    }
    waiting_.insert(waiting_.begin(), events.begin(), events.end());
    waiting_models_.insert(waiting_models_.begin(), commit.models.begin(), commit.models.end());
  }
  for (const Written& written : told) written(reason);
}

absl::Status LiveLog::fault() const {
  absl::MutexLock lock(&mutex_);
  return fault_;
}

std::int64_t LiveLog::committed() const {
  absl::MutexLock lock(&mutex_);
  return visible_.last_sequence();
}

LiveLog::Visible LiveLog::Read(std::int64_t after_sequence, std::int64_t max_records) const {
  Visible visible;
  LogEvents events;
  {
    absl::MutexLock lock(&mutex_);
    visible.last_sequence = visible_.last_sequence();
    if (HasEnded(visible_.state())) visible.ended = visible_;
    if (after_sequence < visible.last_sequence) {
      if (tail_.empty() || FirstSequence(*tail_.front()) > after_sequence + 1) return visible;
      auto next = std::upper_bound(tail_.begin(), tail_.end(), after_sequence,
                                   [](std::int64_t after, const auto& event) { return after < event->sequence(); });
      for (; next != tail_.end() && FirstSequence(**next) - after_sequence <= max_records; ++next) {
        events.push_back(*next);
      }
    }
  }
  // Cut and joined outside the lock, which the training thread needs.
  EventCollector collector(after_sequence, max_records, limits_.epochs_per_event);
  for (const auto& event : events) collector.Add(event);
  visible.in_memory = true;
  visible.events = collector.Take();
  return visible;
}

}  // namespace cvxnn::server
