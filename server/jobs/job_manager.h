// SPDX-License-Identifier: Apache-2.0
// The life of jobs: a queue per device, a thread per slot that trains, and the answers to what the contract asks about
// jobs. What is acknowledged is on disk; a server that starts again goes on with the same queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "server/devices/device_list.h"
#include "server/devices/memory_admission.h"
#include "server/devices/resident_datasets.h"
#include "server/jobs/change_feed.h"
#include "server/jobs/job_log.h"
#include "server/jobs/job_queue.h"
#include "server/jobs/job_runner.h"
#include "server/jobs/timetable.h"
#include "server/store/checkpoint_store.h"
#include "server/store/job_store.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// Queue, slots and logs of jobs. Thread-safe.
class JobManager {
 public:
  struct Options {
    std::int64_t max_queued_jobs = 10000;                    ///< jobs waiting, over all devices
    std::int32_t running_jobs_per_device = 1;                ///< slots per device, >= 1
    absl::Duration checkpoint_interval = absl::Seconds(30);  ///< see JobRunner
    absl::Duration retention = absl::InfiniteDuration();     ///< of jobs that ended and have no ttl
    int compute_threads = 0;  ///< threads of one tensor operation; 0: as many as processors
    Trainer trainer;          ///< empty: training::Train
    JobLog::Options log;
  };
  /// Parts of the server that jobs are made of. All must outlive the manager.
  struct Parts {
    JobStore* jobs = nullptr;
    ModelStore* models = nullptr;
    CheckpointStore* checkpoints = nullptr;
    ResidentDatasets* datasets = nullptr;
    const DeviceList* devices = nullptr;
    MemoryAdmission* admission = nullptr;  ///< null: every job begins at once
  };

  /// Takes up the stored queue and starts the slots. Jobs that were running when the server ended are queued again with
  /// the next attempt, but fail after the third that the server did not survive; a job whose device is gone fails.
  static absl::StatusOr<std::unique_ptr<JobManager>> Start(const Parts& parts, Options options);
  /// As Drain without time, then waits for the log to be written.
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  /// Puts a job into the queue; what AskedOf names is read, memory and creator. The spec must be valid: one that
  /// SpecFromProto refuses makes a job that fails; one whose deadline has passed fails at once. With a `request_id`
  /// used before, the job made then is returned. INVALID_ARGUMENT: the device is not there. NOT_FOUND: no such data
  /// set. ALREADY_EXISTS: request_id was used for another job. RESOURCE_EXHAUSTED: the queue is
  /// full, or `most_jobs` jobs of its creator have not ended. UNAVAILABLE: draining.
  absl::StatusOr<v1::Job> Create(const v1::Job& job, const std::string& request_id,
                                 std::optional<std::int64_t> most_jobs = std::nullopt) ABSL_LOCKS_EXCLUDED(mutex_);

  /// NOT_FOUND: no job of that name.
  absl::StatusOr<v1::Job> Get(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  /// Newest first. INVALID_ARGUMENT: bad page size or token.
  absl::StatusOr<Page<v1::Job>> List(const v1::JobFilter& filter, const PageRequest& request) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  /// A queued job is CANCELLED when `done` is called; a running one is told to stop and ends within one epoch. A job
  /// that has ended is given as it is. NOT_FOUND: no job of that name. UNAVAILABLE: the change cannot be written just
  /// now; it will be. Never waits for the disk: `done`, which must be quick, is called before this returns or later on
  /// another thread, always before the manager is gone.
  void Cancel(const std::string& name, LiveLog::Written done) ABSL_LOCKS_EXCLUDED(mutex_);
  /// A queued job is PAUSED when `done` is called, a running one is told to pause and does so within one epoch; a
  /// paused one is given as it is. NOT_FOUND; FAILED_PRECONDITION: it has ended or is being cancelled; UNAVAILABLE as
  /// Cancel. `done` as with Cancel.
  void Pause(const std::string& name, LiveLog::Written done) ABSL_LOCKS_EXCLUDED(mutex_);
  /// A paused job is QUEUED, at its old place, when `done` is called; one that is about to pause will be. A job that is
  /// queued or running is given as it is. NOT_FOUND; FAILED_PRECONDITION: it has ended; UNAVAILABLE as Cancel.
  void Resume(const std::string& name, LiveLog::Written done) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Deletes a job that has ended or is paused, with its log, models and checkpoint. NOT_FOUND; FAILED_PRECONDITION: it
  /// has not ended. May wait for the disk.
  absl::Status Delete(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Logs of jobs, for WatchJob.
  JobLog& log() { return log_; }
  /// Changes of jobs, for WatchJobs.
  ChangeFeed& changes() { return changes_; }

  /// Starts nothing any more and answers UNAVAILABLE to Create; waits until `deadline` for running jobs, then stops
  /// them and puts them back into the queue for the next start. Returns when none runs. Idempotent; reading, cancelling
  /// and deleting go on working.
  void Drain(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A job that has not ended.
  struct LiveJob {
    std::shared_ptr<LiveLog> log;
    std::string device;
    std::string creator;
    QueuePlace place;
    bool running = false;
    bool paused = false;  // in nobody's hands, not in the queue
    bool resume = false;  // resumed before the pause had come about
    // A job from before the server started may be what ended the last one, before that could be recorded.
    Begin begin = Begin::kAtOnce;
    std::atomic<StopReason> stop = StopReason::kNone;
  };

  JobManager(const Parts& parts, Options options);
  absl::Status TakeUpStoredJobs() ABSL_LOCKS_EXCLUDED(mutex_);
  JobLog::Options LogOptions();
  // A job of this creator is there, or is no more.
  void Count(const std::string& creator, std::int64_t change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Out of those that have not ended.
  void Release(const std::shared_ptr<LiveJob>& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Among those that have not ended.
  void Keep(const std::shared_ptr<LiveJob>& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enqueue(const std::shared_ptr<LiveJob>& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // After a server that ended while the job ran: into the queue again, or false when it failed too often.
  bool QueueAgain(LiveLog* log) const;
  // Takes a place in the queue for a new job: its name is in creating_ until StoreNew has ended.
  absl::Status Reserve(const v1::Job& job, std::optional<std::int64_t> most_jobs) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<v1::Job> StoreNew(v1::Job job, const std::string& device, const std::string& request_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends a job that is in nobody's hands but the caller's.
  void CancelWaiting(LiveLog* log, const std::string& reason, LiveLog::Written written);
  void FailWaiting(LiveLog* log, const absl::Status& error);
  void MeetDeadline(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  // A job that runs is paused rather than kept on a device where it waits for the disk.
  void PauseUnwritten(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  // Deletes a job that ended; gives when to try again.
  std::optional<absl::Time> Expire(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  // Puts a paused job back into the queue.
  void Requeue(const std::shared_ptr<LiveJob>& job, LiveLog::Written written) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunSlot(const std::string& device) ABSL_LOCKS_EXCLUDED(mutex_);
  void AfterRun(const std::shared_ptr<LiveJob>& job, v1::JobState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::int32_t PositionOf(const std::string& name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<LiveJob> NextJob(const std::string& device) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsDraining() const ABSL_LOCKS_EXCLUDED(mutex_);

  const Parts parts_;
  const Options options_;
  const JobRunner runner_;
  ChangeFeed changes_;
  Timetable deadlines_;    // of jobs that have not ended
  Timetable expirations_;  // of those that have

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<LiveJob>> live_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> creating_ ABSL_GUARDED_BY(mutex_);                  // being stored, not yet in live_
  absl::flat_hash_map<std::string, std::int64_t> unfinished_ ABSL_GUARDED_BY(mutex_);  // jobs, by creator
  JobQueue queue_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  JobLog log_;  // below what its calls use
  std::vector<std::jthread> slots_;
};

}  // namespace cvxnn::server
