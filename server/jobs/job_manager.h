// SPDX-License-Identifier: Apache-2.0
// The life of jobs: a queue per device, a thread per slot that trains, and the answers to what the contract asks about
// jobs. What is acknowledged is on disk; a server that starts again goes on with the same queue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/training/train.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "server/devices/device_list.h"
#include "server/devices/resident_datasets.h"
#include "server/jobs/change_feed.h"
#include "server/jobs/job_log.h"
#include "server/store/job_store.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// What trains: core's training::Train, or a stand-in in tests. Called on a slot's thread; must return soon after
/// hooks say stop.
using Trainer = std::function<absl::StatusOr<training::Result>(const training::Spec&, const data::Dataset&,
                                                               const training::Hooks&)>;

/// Queue, runner and log of jobs. Thread-safe.
class JobManager {
 public:
  struct Options {
    std::int64_t max_queued_jobs = 10000;      ///< jobs waiting, over all devices
    std::int32_t running_jobs_per_device = 1;  ///< slots per device, >= 1
    int compute_threads = 0;                   ///< threads of one tensor operation; 0: as many as processors
    Trainer trainer;                           ///< empty: training::Train
    JobLog::Options log;
  };
  /// Parts of the server that jobs are made of. All must outlive the manager.
  struct Parts {
    JobStore* jobs = nullptr;
    ModelStore* models = nullptr;
    ResidentDatasets* datasets = nullptr;
    const DeviceList* devices = nullptr;
  };

  /// Takes up the stored queue: jobs that were running when the server ended are queued again with the next attempt.
  static absl::StatusOr<std::unique_ptr<JobManager>> Start(const Parts& parts, Options options);
  /// As Drain with no time left.
  virtual ~JobManager() = default;

  /// Puts a job into the queue; display_name, experiment, labels and spec are read. With a `request_id` used before,
  /// the job made then is returned. INVALID_ARGUMENT: the spec does not translate, or its device is not there.
  /// NOT_FOUND: no such data set. ALREADY_EXISTS: request_id was used for another job. RESOURCE_EXHAUSTED: the queue is
  /// full. UNAVAILABLE: draining.
  virtual absl::StatusOr<v1::Job> Create(const v1::Job& job, const std::string& request_id) = 0;

  /// NOT_FOUND: no job of that name.
  virtual absl::StatusOr<v1::Job> Get(const std::string& name) const = 0;
  /// Newest first. INVALID_ARGUMENT: bad page size or token.
  virtual absl::StatusOr<Page<v1::Job>> List(const v1::JobFilter& filter, const PageRequest& request) const = 0;
  /// Whether `job` is one that `filter` asks for; for watchers of many jobs.
  static bool Matches(const v1::JobFilter& filter, const v1::Job& job);

  /// A queued job is CANCELLED when this returns; a running one is told to stop and ends within one epoch. A job that
  /// has ended is returned as it is. NOT_FOUND: no job of that name.
  virtual absl::StatusOr<v1::Job> Cancel(const std::string& name) = 0;
  /// Deletes a job that has ended, with its log and models. NOT_FOUND; FAILED_PRECONDITION: it has not ended.
  virtual absl::Status Delete(const std::string& name) = 0;

  /// Logs of jobs, for WatchJob.
  virtual JobLog& log() = 0;
  /// Changes of jobs, for WatchJobs.
  virtual ChangeFeed& changes() = 0;

  /// Starts nothing any more and answers UNAVAILABLE to Create; waits until `deadline` for running jobs, then stops
  /// them and puts them back into the queue for the next start. Idempotent. Reading goes on working.
  virtual void Drain(absl::Time deadline) = 0;
};

}  // namespace cvxnn::server
