// SPDX-License-Identifier: Apache-2.0
// Jobs and their logs in SQLite. A job's log is a sequence of records numbered from 1 without a hole: changes of state
// and epochs. It is kept in the form in which it is streamed, WatchJobResponse messages that each hold one change of
// state or a batch of consecutive epochs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "server/store/database.h"
#include "server/store/log_events.h"
#include "server/store/model_store.h"
#include "server/store/page.h"

namespace cvxnn::server {

/// What is committed together for one job.
struct JobCommit {
  v1::Job job;  ///< as it is after the records; last_sequence is that of the last one
  LogEvents events;
  std::vector<WrittenModel> models;
};

/// Whether a job has ended and will not change any more.
bool HasEnded(v1::JobState state);

/// Only what a caller says of a job: display_name, experiment, labels, spec, priority, deadline and ttl.
v1::Job AskedOf(const v1::Job& job);

/// Stored jobs. Thread-safe.
class JobStore {
 public:
  explicit JobStore(std::shared_ptr<Database> database);

  struct Created {
    v1::Job job;
    std::int64_t number = 0;  ///< creation order
    bool is_new = true;       ///< false: the job that the same request made before
  };
  /// Stores a new job and the first records of its log. With a `request_id` that was used before, nothing is stored:
  /// the earlier job is returned when AskedOf both is the same, else ALREADY_EXISTS.
  /// NOT_FOUND: the data set does not exist.
  absl::StatusOr<Created> Create(const JobCommit& commit, const std::string& request_id);

  /// The job that `request_id` made, or NOT_FOUND; ALREADY_EXISTS when that was for another body than `job`'s.
  absl::StatusOr<v1::Job> FindRequest(const std::string& request_id, const v1::Job& job) const;

  /// NOT_FOUND: no job of that name.
  absl::StatusOr<v1::Job> Get(const std::string& name) const;
  /// Newest first. INVALID_ARGUMENT: bad page size or token.
  absl::StatusOr<Page<v1::Job>> List(const v1::JobFilter& filter, const PageRequest& request) const;
  /// Jobs that have not ended, paused ones too, oldest first.
  absl::StatusOr<std::vector<Created>> ListUnfinished() const;

  /// Jobs that have an expire_time, with it.
  absl::StatusOr<std::vector<std::pair<std::string, absl::Time>>> ListExpiring() const;

  /// Appends records, replaces job messages and makes written models visible, for all of `commits` in one transaction.
  absl::Status Commit(absl::Span<const JobCommit> commits);

  /// Makes written models visible as models of a job, whatever its state. NOT_FOUND: no job of that name.
  absl::Status AddModels(const std::string& job, const std::vector<WrittenModel>& models);

  struct LogPart {
    v1::Job job;
    LogEvents events;
  };
  /// Records after `after_sequence` (>= 0), at most `max_records` (>= 1), in events of at most about
  /// `epochs_per_event` epochs; the job is of the same moment. NOT_FOUND: no job of that name.
  absl::StatusOr<LogPart> ReadLog(const std::string& name, std::int64_t after_sequence, std::int64_t max_records,
                                  int epochs_per_event) const;

  /// Epochs in the log of a job. NOT_FOUND.
  absl::StatusOr<std::int64_t> CountEpochs(const std::string& name) const;

  /// Deletes a job that has ended with its log and models; returns the files of their weights, which are now free.
  /// NOT_FOUND: no job of that name. FAILED_PRECONDITION: it has not ended.
  absl::StatusOr<std::vector<std::string>> Delete(const std::string& name);

 private:
  const std::shared_ptr<Database> database_;
};

}  // namespace cvxnn::server
