// SPDX-License-Identifier: Apache-2.0
// See checkpoint_keeper.h.
#include "server/jobs/checkpoint_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/log/log.h"

namespace cvxnn::server {
namespace {

// A log that cannot be written (a full disk) holds training back no longer than this.
constexpr absl::Duration kLogPatience = absl::Seconds(5);
// Saving takes at most about this share of the time, however large the state.
constexpr double kMostShare = 0.05;

}  // namespace

AttemptStart StartOfAttempt(const CheckpointStore& store, const v1::Job& job, std::int64_t epochs) {
  if (job.attempt() <= 1) return {};
  auto checkpoint = store.Read(job.name());
  if (absl::IsNotFound(checkpoint.status())) return {std::nullopt, "begins again: there is no checkpoint"};
  if (!checkpoint.ok() && !absl::IsDataLoss(checkpoint.status())) {
    AttemptStart unreadable;
    unreadable.unreadable = checkpoint.status();
    return unreadable;
  }
  absl::Status fault = checkpoint.status();
  if (checkpoint.ok() && checkpoint->reports > epochs) {
    fault = absl::DataLossError(
        absl::StrCat("its checkpoint is after ", checkpoint->reports, " reports, its log has ", epochs));
  }
  if (!fault.ok()) {
    LogEvent(LogLevel::kError, "a checkpoint cannot be used; the job begins again",
             {{"job", job.name()}, {"error", std::string(fault.message())}});
    return {std::nullopt, absl::StrCat("begins again: ", fault.message())};
  }
  const std::string reason = absl::StrCat("goes on from the checkpoint after ", checkpoint->reports, " reports");
  return {*std::move(checkpoint), reason, absl::OkStatus()};
}

CheckpointKeeper::CheckpointKeeper(CheckpointStore* store, LiveLog* log, SnapshotKeeper* snapshots,
                                   std::string dataset_uid, absl::Duration interval,
                                   const std::atomic<StopReason>* stop)
    : store_(store),
      log_(log),
      snapshots_(snapshots),
      dataset_uid_(std::move(dataset_uid)),
      interval_(interval),
      stop_(stop),
      next_(absl::Now() + interval) {}

bool CheckpointKeeper::LeavesToNext() const {
  const StopReason reason = stop_->load(std::memory_order_relaxed);
  return reason == StopReason::kDrain || reason == StopReason::kPause;
}

bool CheckpointKeeper::Due() const {
  const StopReason reason = stop_->load(std::memory_order_relaxed);
  // A checkpoint is not ahead of its log: where that cannot be written, the last one stays.
  if (Ends(reason) || reason == StopReason::kUnwritten) return false;
  return LeavesToNext() || (interval_ > absl::ZeroDuration() && absl::Now() >= next_);
}

absl::Status CheckpointKeeper::Write(training::Checkpoint checkpoint) {
  if (absl::Status flushed = snapshots_->Flush(); !flushed.ok()) return flushed;
  // Were the log behind the checkpoint, the epochs between would be in neither.
  if (!log_->WaitCommitted(absl::Now() + kLogPatience, [] { return false; })) {
    return absl::UnavailableError("the log is not written");
  }
  return store_->Write(log_->name(), {dataset_uid_, checkpoint.reports, std::move(checkpoint.state)});
}

void CheckpointKeeper::Save(training::Checkpoint checkpoint) {
  const absl::Time begin = absl::Now();
  const std::int64_t reports = checkpoint.reports;
  const auto bytes = static_cast<std::int64_t>(checkpoint.state.size());
  const absl::Status status = Write(std::move(checkpoint));
  const absl::Duration taken = absl::Now() - begin;
  next_ = absl::Now() + std::max(interval_, taken / kMostShare);
  LogFields fields = {{"job", log_->name()},
                      {"reports", reports},
                      {"bytes", bytes},
                      {"milliseconds", absl::ToInt64Milliseconds(taken)}};
  if (status.ok()) {
    LogEvent(LogLevel::kDebug, "checkpoint saved", fields);
    return;
  }
  fields.emplace_back("error", std::string(status.message()));
  LogEvent(LogLevel::kWarning, "a checkpoint could not be saved; the job goes on", fields);
}

}  // namespace cvxnn::server
