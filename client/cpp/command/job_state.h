// SPDX-License-Identifier: Apache-2.0
// What the state of a job means for whoever follows it.
#pragma once

#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// Whether nothing more will come of the job.
inline bool HasEnded(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED || state == v1::JOB_STATE_CANCELLED;
}

}  // namespace cvxnn::command
