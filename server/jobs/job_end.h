// SPDX-License-Identifier: Apache-2.0
// What every end of a job has in common: its time, its error, and until when the job is kept.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::server {

/// Ends a job now. It is kept for its own ttl, or for `retention` where it has none; InfiniteDuration: until deleted.
void EndJob(v1::JobState state, absl::Duration retention, v1::Job* job);

/// The same as FAILED, with the error.
void FailJob(const absl::Status& error, absl::Duration retention, v1::Job* job);

/// DEADLINE_EXCEEDED of a job whose deadline came while it was "queued", "paused" or "running".
absl::Status DeadlinePassed(const v1::Job& job, const std::string& state);

}  // namespace cvxnn::server
