// SPDX-License-Identifier: Apache-2.0
// The logs of jobs: the training thread appends, one writer thread commits what has accumulated to the store, and
// watchers see what was committed. The training thread waits for the disk only when its job's buffer is full; it never
// waits for a watcher. The first record after a pause is committed at once; under load commits are spaced, so that many
// epochs share one (commit_schedule.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cvxnn/v1/job.pb.h"
#include "server/jobs/change_feed.h"
#include "server/jobs/commit_schedule.h"
#include "server/jobs/live_log.h"
#include "server/jobs/subscription.h"
#include "server/store/job_store.h"

namespace cvxnn::server {

/// A part of a log as a watcher reads it.
struct LogRead {
  LogEvents events;                ///< state changes and batches of epochs, in order; none is empty
  std::int64_t last_sequence = 0;  ///< of the last record read, or after_sequence when there was none
  bool end = false;                ///< the job has ended and nothing follows these events
  v1::Job job;                     ///< set when `end`: the job in its final state
};

/// Logs of all jobs. Thread-safe.
class JobLog {
 public:
  struct Options {
    LogLimits limits;
    CommitSchedule::Options schedule;
    /// A commit that fails (a full disk) is tried again after this long; jobs wait meanwhile.
    absl::Duration retry_interval = absl::Milliseconds(500);
    /// Told, on the writer thread, of a job whose log could not be written for `patience`: once, until it can again.
    /// Must be quick.
    absl::Duration patience = absl::Minutes(1);
    std::function<void(const std::string&)> unwritten = {};
    /// How often a log that cannot be written is told to the server's own log.
    absl::Duration report_interval = absl::Minutes(1);
    /// Told of every job whose end was committed, on the writer thread and before watchers are; must be quick.
    std::function<void(const v1::Job&)> ended = {};
  };
  /// `store` and `feed` must outlive the log.
  JobLog(JobStore* store, ChangeFeed* feed, Options options);
  /// Commits what waits and ends the writer thread. Nothing may be appended any more.
  ~JobLog();

  /// Takes a job that has not ended into memory, so that it can be appended to. `epochs`: those in its log already.
  std::shared_ptr<LiveLog> Open(const v1::Job& job, std::int64_t epochs = 0) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Takes a job that was opened and then not created out of memory.
  void Forget(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Makes a commit visible that was written elsewhere: the creation of a job.
  void Publish(LiveLog* log, const JobCommit& commit) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Records after `after_sequence`, at most `max_records` (>= 1) of them. For a watcher that keeps up it is answered
  /// from memory, else by one read of the store. NOT_FOUND: no such job (any more). OUT_OF_RANGE: after_sequence beyond
  /// the end of the log. INVALID_ARGUMENT: below 0.
  absl::StatusOr<LogRead> Read(const std::string& name, std::int64_t after_sequence,
                               std::int64_t max_records = 1024) const ABSL_LOCKS_EXCLUDED(mutex_);

  /// Number of the last record. NOT_FOUND.
  absl::StatusOr<std::int64_t> End(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);

  /// Epochs of all jobs that were committed since the start.
  std::int64_t epochs_committed() const { return epochs_committed_.load(std::memory_order_relaxed); }
  /// Jobs whose log could not be written when it was last tried.
  std::int64_t unwritten() const { return unwritten_.load(std::memory_order_relaxed); }

  /// Calls `on_new` (on the writer thread; must be quick) after every commit of the job's records, the last included.
  /// Subscribe first and read then: nothing is missed. A job that has ended never calls.
  Subscription Subscribe(const std::string& name, std::function<void()> on_new) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::shared_ptr<LiveLog> Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  void Wake(LiveLog* log, Urgency urgency) ABSL_LOCKS_EXCLUDED(mutex_);
  void WriteLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  struct Committed {
    std::vector<std::shared_ptr<LiveLog>> failed;  // could not be committed; they wait again
    // Those whose records had epochs among them, with the watchers that are told.
    std::vector<std::pair<std::string, std::int64_t>> with_epochs;
  };
  Committed Commit(const std::vector<std::shared_ptr<LiveLog>>& logs);
  // A log that cannot be written, and since when.
  struct Fault {
    absl::Time since;
    absl::Time reported = absl::InfinitePast();
    bool told = false;
  };
  void NoteFault(const LiveLog& log, const absl::Status& status);
  void NoteWritten(const LiveLog& log);

  JobStore* const store_;
  ChangeFeed* const feed_;
  const Options options_;
  std::atomic<std::int64_t> epochs_committed_ = 0;
  std::atomic<std::int64_t> unwritten_ = 0;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<LiveLog>> live_ ABSL_GUARDED_BY(mutex_);
  CommitSchedule schedule_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<std::string, Fault> faults_;  // by job; the writer thread's alone
  std::jthread writer_;
};

}  // namespace cvxnn::server
