// SPDX-License-Identifier: Apache-2.0
// Watching many jobs, for `job watch --all` and `job watch --experiment`.
#pragma once

#include "client/cpp/client.h"
#include "client/cpp/command/context.h"
#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::command {

/// Shows every job that matches, as it changes. Ends with Ctrl-C (kInterrupted); with `until_ended` once all that match
/// have ended: kFailure where one failed, else kCancelled where one was cancelled, else kSuccess.
ExitStatus WatchMany(const Context& context, const client::Client& client, const v1::JobFilter& filter,
                     bool until_ended);

}  // namespace cvxnn::command
