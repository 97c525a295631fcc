// SPDX-License-Identifier: Apache-2.0
// How far a job is, from the records of its log, and that as text: pure functions, so that what a terminal shows can be
// tested without one.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::command {

/// Jobs of more trials are told by the best, the median and those that diverged, not trial by trial.
inline constexpr std::int64_t kManyTrials = 8;

/// What is known of a job while it runs. Not thread-safe.
class Progress {
 public:
  /// Takes limits and trials from the job's spec.
  explicit Progress(const v1::Job& job);

  void Update(const v1::StateChange& change);
  /// Fields that an epoch did not compute keep their last value.
  void Update(const v1::EpochMetrics& epoch);

  const std::string& job() const { return job_; }
  v1::JobState state() const { return state_; }
  int attempt() const { return attempt_; }
  std::int64_t trials() const { return trials_; }
  std::int64_t max_epochs() const { return max_epochs_; }
  /// True when a tolerance may end the job before its last epoch, so that the time left is an upper bound.
  bool may_end_early() const { return may_end_early_; }
  bool started() const { return !latest_.empty(); }
  /// The trial that reported last; started() must hold.
  const v1::EpochMetrics& current() const { return latest_.at(current_trial_); }
  /// Trial and value of the least last objective over the trials.
  std::optional<std::pair<std::int32_t, double>> Best() const;
  /// What many trials are, in a few numbers.
  struct Overview {
    std::optional<double> median;  ///< of the last objectives of those in training or at their end
    std::int64_t diverged = 0;     ///< ended before others of their batch
  };
  Overview Survey() const;
  /// Share of all epochs that are done, 0 to 1.
  double Share() const;
  /// Over the last seconds of training; absent before two records at different times.
  std::optional<double> EpochsPerSecond() const;
  /// By the epochs still to do at the present rate, and by the time limit.
  std::optional<double> SecondsLeft() const;

 private:
  // Trials of a batch go on together, so one that others have overtaken has ended.
  bool IsGone(const v1::EpochMetrics& metrics) const;
  std::int64_t EpochsLeft() const;

  std::string job_;
  std::int64_t max_epochs_ = 0;
  std::int64_t trials_ = 1;
  std::int64_t batch_ = 1;  ///< trials of equal sizes, which train together
  double max_seconds_ = 0;
  bool may_end_early_ = false;
  v1::JobState state_ = v1::JOB_STATE_QUEUED;
  int attempt_ = 1;
  std::int32_t current_trial_ = 0;
  std::map<std::int32_t, v1::EpochMetrics> latest_;
  std::map<std::int64_t, std::int64_t> reached_;  ///< last epoch of each batch
  std::int64_t sweep_ = 0;                        ///< epoch of the last report
  std::int64_t last_sweep_ = 0;                   ///< the one before it
  std::int64_t epochs_done_ = 0;
  std::deque<std::pair<double, std::int64_t>> history_;  ///< seconds of training, epochs done by then
};

/// One line of at most `width` columns for a terminal: as many facts as fit, the important ones first. `unicode`: the
/// terminal shows UTF-8. `silence`: time since the last record, which counts as elapsed while the job runs.
std::string RenderProgressLine(const Progress& progress, int width, bool unicode, absl::Duration silence);

/// An epoch as a line of a log: every fact, no bar. Of many trials the line tells all together where `progress` has
/// followed them, else the one of the epoch.
std::string RenderEpochLine(const Progress& progress, const v1::EpochMetrics& epoch);

}  // namespace cvxnn::command
