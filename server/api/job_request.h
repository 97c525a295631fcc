// SPDX-License-Identifier: Apache-2.0
// Checks of what callers say about jobs besides the spec.
#pragma once

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>

#include <string>

#include "cvxnn/v1/job_service.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Records bad titles, experiments, labels, priorities, deadlines, ttls and request ids. The spec is checked by
/// SpecFromProto, and whether the deadline has passed by the caller: a request that is repeated may be later.
void CheckCreateJobRequest(const v1::CreateJobRequest& request, Violations* violations);

/// Records bad names and states.
void CheckJobFilter(const v1::JobFilter& filter, Violations* violations);

/// `interval`, or `otherwise` when it is absent; records one that is not `least` to 1 h.
absl::Duration CheckInterval(const google::protobuf::Duration* interval, absl::Duration least, absl::Duration otherwise,
                             const std::string& field, Violations* violations);

}  // namespace cvxnn::server
