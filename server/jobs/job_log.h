// SPDX-License-Identifier: Apache-2.0
// The logs of jobs while they live: the training thread appends, one writer thread commits what has accumulated to the
// store, and watchers see what was committed. The training thread waits for the disk only when a job's buffer is full;
// it never waits for a watcher. The first record after a pause is committed at once; under load commits are spaced so
// that many epochs share one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cvxnn/v1/job.pb.h"
#include "server/jobs/change_feed.h"
#include "server/jobs/subscription.h"
#include "server/store/job_store.h"

namespace cvxnn::server {

class LiveLog;

/// A part of a log as a watcher reads it.
struct LogRead {
  LogEvents events;                ///< state changes and batches of epochs, in order, none empty
  std::int64_t last_sequence = 0;  ///< of the last record read, or after_sequence when there was none
  bool end = false;                ///< the job has ended and nothing follows these events
  v1::Job job;                     ///< set when `end`: the job in its final state
};

/// Logs of all jobs. Thread-safe.
class JobLog {
 public:
  struct Options {
    std::int64_t buffered_records = 16384;  ///< per job; the training thread waits while its buffer is full
    std::int64_t tail_records = 4096;       ///< per job: committed records kept in memory for watchers
    std::int64_t records_per_event = 512;   ///< most epochs in one event, 1 or more
    absl::Duration commit_interval = absl::Milliseconds(5);  ///< least time between two commits of epochs under load
  };
  /// `store` and `feed` must outlive the log.
  JobLog(JobStore* store, ChangeFeed* feed, Options options);
  JobLog(JobStore* store, ChangeFeed* feed) : JobLog(store, feed, Options()) {}
  /// Commits what is buffered and ends the writer thread.
  ~JobLog();

  /// Takes a stored job that has not ended into memory, so that it can be appended to.
  std::shared_ptr<LiveLog> Open(const v1::Job& job) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Records after `after_sequence`, at most `max_records` of them. Quick for a job that is alive and a watcher that
  /// keeps up (from memory), else one read of the store.
  /// NOT_FOUND: no such job (any more). OUT_OF_RANGE: after_sequence beyond the end of the log. INVALID_ARGUMENT: below
  /// 0.
  absl::StatusOr<LogRead> Read(const std::string& name, std::int64_t after_sequence,
                               std::int64_t max_records = 1024) const ABSL_LOCKS_EXCLUDED(mutex_);

  /// Calls `on_new` (on the writer thread; must be quick) after every commit of the job's records, the last included.
  /// Subscribe first and read then: nothing is missed. A job that has ended never calls.
  Subscription Subscribe(const std::string& name, std::function<void()> on_new) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class LiveLog;
  std::shared_ptr<LiveLog> Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  void MarkDirty(std::shared_ptr<LiveLog> log, bool urgent) ABSL_LOCKS_EXCLUDED(mutex_);
  void WriteLoop();
  void CommitAll(std::vector<std::shared_ptr<LiveLog>> logs);

  JobStore* const store_;
  ChangeFeed* const feed_;
  const Options options_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<LiveLog>> live_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<LiveLog>> dirty_ ABSL_GUARDED_BY(mutex_);
  bool urgent_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::jthread writer_;
};

}  // namespace cvxnn::server
