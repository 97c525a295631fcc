// SPDX-License-Identifier: Apache-2.0
// The contract's JobSpec as core's training::Spec, and back.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/training/spec.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::server {

/// Fills in the documented defaults and checks every range that does not need the data set (training::Validate checks
/// the rest). `prefix` is the path of the spec in the request, for the details of an error.
/// INVALID_ARGUMENT lists every field at fault; UNIMPLEMENTED lists what the contract names and this server lacks.
absl::StatusOr<training::Spec> SpecFromProto(const v1::JobSpec& spec, const std::string& prefix = "job.spec.");

/// The contract's message for a spec on a data set, with every default written out. What is chosen during training
/// (solver, precision) stays unspecified. SpecFromProto gives the same spec again.
v1::JobSpec SpecToProto(const training::Spec& spec, const std::string& dataset);

}  // namespace cvxnn::server
