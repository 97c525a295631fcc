// SPDX-License-Identifier: Apache-2.0
// See commit_schedule.h.
#include "server/jobs/commit_schedule.h"

#include <algorithm>
#include <utility>

namespace cvxnn::server {

void CommitSchedule::Add(std::shared_ptr<LiveLog> log, Urgency urgency, absl::Time now) {
  const std::string name = log->name();
  Waiting& waiting = waiting_.try_emplace(name, Waiting{nullptr, urgency, now}).first->second;
  waiting.log = std::move(log);
  waiting.urgency = std::max(waiting.urgency, urgency);
}

absl::Time CommitSchedule::DueOf(const std::string& name, const Waiting& waiting) const {
  if (waiting.urgency == Urgency::kNow) return absl::InfinitePast();
  absl::Time due = next_;
  if (const auto own = own_.find(name); own != own_.end()) due = std::max(due, own->second);
  return waiting.urgency == Urgency::kSoon ? std::max(due, waiting.since + options_.start_delay) : due;
}

absl::Time CommitSchedule::due() const {
  absl::Time due = absl::InfiniteFuture();
  for (const auto& [name, waiting] : waiting_) due = std::min(due, DueOf(name, waiting));
  return due;
}

std::vector<std::shared_ptr<LiveLog>> CommitSchedule::Take(absl::Time now) {
  std::vector<std::shared_ptr<LiveLog>> taken;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    const auto here = entry++;
    if (DueOf(here->first, here->second) > now) continue;
    taken.push_back(std::move(here->second.log));
    waiting_.erase(here);
  }
  return taken;
}

void CommitSchedule::NoteCommit(const std::string& name, std::int64_t watchers, absl::Time now) {
  next_ = now + options_.commit_interval;
  const absl::Duration own = std::min(options_.interval_per_watcher * watchers, options_.longest_interval);
  if (own > options_.commit_interval) {
    own_[name] = now + own;
  } else {
    own_.erase(name);
  }
}

}  // namespace cvxnn::server
