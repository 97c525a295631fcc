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

absl::Time CommitSchedule::DueOf(const std::string& name, const Waiting& waiting, absl::Time next) const {
  if (waiting.urgency == Urgency::kNow) return absl::InfinitePast();
  absl::Time due = next;
  if (const auto own = own_.find(name); own != own_.end()) due = std::max(due, own->second);
  return waiting.urgency == Urgency::kSoon ? std::max(due, waiting.since + options_.start_delay) : due;
}

absl::Time CommitSchedule::due() const {
  absl::Time due = absl::InfiniteFuture();
  for (const auto& [name, waiting] : waiting_) due = std::min(due, DueOf(name, waiting, next_));
  return due;
}

std::vector<std::shared_ptr<LiveLog>> CommitSchedule::Take(absl::Time now) {
  std::vector<std::shared_ptr<LiveLog>> taken;
  const bool now_anyway = std::any_of(waiting_.begin(), waiting_.end(),
                                      [](const auto& entry) { return entry.second.urgency == Urgency::kNow; });
  const absl::Time next = now_anyway ? absl::InfinitePast() : next_;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    const auto here = entry++;
    if (DueOf(here->first, here->second, next) > now) continue;
    taken.push_back(std::move(here->second.log));
    waiting_.erase(here);
  }
  return taken;
}

void CommitSchedule::NoteCommit(const std::string& name, std::int64_t watchers, absl::Time now) {
  next_ = now + options_.commit_interval;
  if (watchers == 0) {
    own_.erase(name);
    return;
  }
  absl::Time& own = own_[name];
  const absl::Duration wanted =
      options_.interval_per_watcher * static_cast<double>(watchers) * static_cast<double>(own_.size());
  own = now + std::max(options_.commit_interval, std::min(wanted, options_.longest_interval));
}

}  // namespace cvxnn::server
