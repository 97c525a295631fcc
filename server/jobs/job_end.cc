// SPDX-License-Identifier: Apache-2.0
// See job_end.h.
#include "server/jobs/job_end.h"

#include "absl/strings/str_cat.h"
#include "server/devices/memory_shortage.h"
#include "server/store/clock.h"

namespace cvxnn::server {

void EndJob(v1::JobState state, absl::Duration retention, v1::Job* job) {
  job->set_state(state);
  *job->mutable_end_time() = TimestampNow();
  const absl::Duration kept = job->has_ttl() ? FromProto(job->ttl()) : retention;
  if (kept < absl::InfiniteDuration()) *job->mutable_expire_time() = ToProto(FromProto(job->end_time()) + kept);
}

void FailJob(const absl::Status& error, absl::Duration retention, v1::Job* job) {
  EndJob(v1::JOB_STATE_FAILED, retention, job);
  job->mutable_error()->set_code(static_cast<int>(error.code()));
  job->mutable_error()->set_message(std::string(error.message()));
  if (auto shortage = ShortageOf(error)) *job->mutable_error()->mutable_shortage() = *std::move(shortage);
}

absl::Status DeadlinePassed(const v1::Job& job, const std::string& state) {
  return absl::DeadlineExceededError(absl::StrCat("its deadline, ",
                                                  absl::FormatTime(FromProto(job.deadline()), absl::UTCTimeZone()),
                                                  ", passed while it was ", state));
}

}  // namespace cvxnn::server
