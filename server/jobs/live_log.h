// SPDX-License-Identifier: Apache-2.0
// The log of one job that has not ended: records wait here for the writer thread, and the latest committed ones stay
// here for watchers that keep up.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cvxnn/v1/job.pb.h"
#include "server/jobs/subscription.h"
#include "server/store/job_store.h"

namespace cvxnn::server {

/// Sizes of a job's log in memory.
struct LogLimits {
  std::int64_t buffered_records = 16384;  ///< records that wait for the writer; the training thread waits beyond that
  std::int64_t tail_records = 4096;       ///< committed records kept for watchers that keep up
  int epochs_per_event = 512;             ///< most epochs in one event, >= 1
};

/// How soon records should be committed.
enum class Urgency {
  kSoon,    ///< more will follow in a moment: the start of a job
  kPrompt,  ///< as soon as the spacing of commits allows: epochs
  kNow,     ///< somebody may be waiting: every other change of state, and training when the buffer is half full
};

/// One job's log. Thread-safe. Records get their numbers in the order of the calls.
class LiveLog {
 public:
  /// `job` as it is stored, `epochs` as many as its log has. `wake_writer(log, urgency)` is called, without a lock of
  /// the log, when records begin to wait.
  LiveLog(v1::Job job, std::int64_t epochs, LogLimits limits, std::function<void(LiveLog*, Urgency)> wake_writer);

  /// Appends one epoch. While the buffer is full it waits for the writer; `give_up` is polled meanwhile, and once it is
  /// true the epoch is kept without waiting.
  void AppendEpoch(v1::EpochMetrics metrics, absl::FunctionRef<bool()> give_up) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Told once, on the writer thread, how the first attempt to commit a record ended: with the job as it was committed,
  /// or with the error; the record of a failed attempt is committed later. Must be quick.
  using Written = std::function<void(absl::StatusOr<v1::Job>)>;

  /// Applies `change` to the job (which must set its state, and may set more), appends the change of state, and hands
  /// over models that become visible with it. Never waits; gives the number of the record.
  std::int64_t ChangeState(absl::FunctionRef<void(v1::Job*)> change, const std::string& reason,
                           std::vector<WrittenModel> models = {}, Written written = nullptr)
      ABSL_LOCKS_EXCLUDED(mutex_);

  /// Hands over models that become visible with the next commit. Never waits.
  void AddModels(std::vector<WrittenModel> models) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Epochs in the log, committed or not, of all attempts.
  std::int64_t epochs() const ABSL_LOCKS_EXCLUDED(mutex_);

  /// Has everything appended and handed over so far committed at once, and waits for it; false when `deadline` came
  /// first or `give_up`, polled meanwhile, is true.
  bool WaitCommitted(absl::Time deadline, absl::FunctionRef<bool()> give_up) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Waits until record `sequence` is committed; false when `deadline` came first.
  bool WaitCommitted(std::int64_t sequence, absl::Time deadline) const ABSL_LOCKS_EXCLUDED(mutex_);

  /// The job after everything appended so far, committed or not.
  v1::Job appended() const ABSL_LOCKS_EXCLUDED(mutex_);
  const std::string& name() const { return name_; }

  // For the writer thread.
  /// All that waits, or nullopt. Exactly one of Publish and PutBack follows.
  std::optional<JobCommit> TakeWaiting() ABSL_LOCKS_EXCLUDED(mutex_);
  /// The commit was written: makes it visible and tells the subscribers.
  void Publish(const JobCommit& commit) ABSL_LOCKS_EXCLUDED(mutex_);
  /// The commit could not be written for the reason given: its records wait again, before all others.
  void PutBack(const JobCommit& commit, const absl::Status& reason) ABSL_LOCKS_EXCLUDED(mutex_);
  /// The reason of the last PutBack; OK: there was none.
  absl::Status fault() const ABSL_LOCKS_EXCLUDED(mutex_);

  // For watchers.
  /// What is visible after a record.
  struct Visible {
    std::int64_t last_sequence = 0;  ///< of the last committed record; 0 until the creation of the job was published
    bool in_memory = false;          ///< whether `events` has them; else they are in the store
    LogEvents events;                ///< at most the number asked for
    std::optional<v1::Job> ended;    ///< the job, when it has ended
  };
  Visible Read(std::int64_t after_sequence, std::int64_t max_records) const ABSL_LOCKS_EXCLUDED(mutex_);
  /// Number of the last committed record; 0 until the creation of the job was published.
  std::int64_t committed() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::int64_t watchers() const { return static_cast<std::int64_t>(subscribers_.size()); }
  Subscription Subscribe(std::function<void()> on_new) { return subscribers_.Add(std::move(on_new)); }

 private:
  std::vector<Written> TakeTold(std::int64_t last_sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::int64_t NextSequence() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  const LogLimits limits_;
  const std::function<void(LiveLog*, Urgency)> wake_writer_;
  SubscriberList subscribers_;

  mutable absl::Mutex mutex_;
  v1::Job job_ ABSL_GUARDED_BY(mutex_);  // after all records appended
  std::vector<std::shared_ptr<v1::WatchJobResponse>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::int64_t waiting_records_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<WrittenModel> waiting_models_ ABSL_GUARDED_BY(mutex_);
  std::int64_t epochs_ ABSL_GUARDED_BY(mutex_);
  std::int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // commits begun and not yet ended: 0 or 1
  std::deque<std::pair<std::int64_t, Written>> to_tell_ ABSL_GUARDED_BY(mutex_);          // by number of their record
  std::deque<std::shared_ptr<const v1::WatchJobResponse>> tail_ ABSL_GUARDED_BY(mutex_);  // committed, consecutive
  v1::Job visible_ ABSL_GUARDED_BY(mutex_);                                               // after all records committed
  absl::Status fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cvxnn::server
