// SPDX-License-Identifier: Apache-2.0
// When the logs of jobs are committed: changes of state at once, epochs with some time between commits, so that many of
// them share one. Logs with many watchers have a longer time of their own, which holds up no other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/jobs/live_log.h"

namespace cvxnn::server {

/// Logs that wait to be committed. Not thread-safe; times are those of the caller.
class CommitSchedule {
 public:
  struct Options {
    /// Least time between two commits of epochs. Each commit takes a processor and the disk away from training for
    /// about a millisecond: at 5 ms apart it cost 7 to 9% of a job, at 50 ms under 2%.
    absl::Duration commit_interval = absl::Milliseconds(50);
    /// Between two of one log it grows by so much for each of its watchers, times the logs that are watched, up to
    /// `longest_interval`: a message costs the server 30 to 50 µs however many epochs are in it, which training lacks
    /// where processors are few. Any number of watchers then takes 4,000 messages a second, until the longest interval
    /// makes them more.
    absl::Duration interval_per_watcher = absl::Microseconds(250);
    absl::Duration longest_interval = absl::Milliseconds(500);
    /// The start of a job waits this long for its first epochs, so that they share one commit.
    absl::Duration start_delay = absl::Milliseconds(3);
  };
  explicit CommitSchedule(Options options) : options_(options) {}

  /// A log whose records wait since `now`. One that waits already may become more urgent.
  void Add(std::shared_ptr<LiveLog> log, Urgency urgency, absl::Time now);
  bool empty() const { return waiting_.empty(); }
  /// When the first of them is due.
  absl::Time due() const;
  /// Those that are due, which wait no more; with a change of state also those that only wait to share a commit.
  std::vector<std::shared_ptr<LiveLog>> Take(absl::Time now);
  /// Epochs of this log were committed, and it has so many watchers.
  void NoteCommit(const std::string& name, std::int64_t watchers, absl::Time now);
  /// The log ended.
  void Forget(const std::string& name) { own_.erase(name); }

 private:
  struct Waiting {
    std::shared_ptr<LiveLog> log;
    Urgency urgency = Urgency::kSoon;
    absl::Time since;
  };
  absl::Time DueOf(const std::string& name, const Waiting& waiting, absl::Time next) const;

  Options options_;
  absl::flat_hash_map<std::string, Waiting> waiting_;
  absl::Time next_ = absl::InfinitePast();            // of any log's epochs
  absl::flat_hash_map<std::string, absl::Time> own_;  // of those of watched logs
};

}  // namespace cvxnn::server
