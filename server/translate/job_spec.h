// SPDX-License-Identifier: Apache-2.0
// The contract's JobSpec as core's training::Spec, and back.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/training/spec.h"
#include "cvxnn/v1/dataset.pb.h"
#include "cvxnn/v1/job_spec.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Fills in the documented defaults and checks every range that does not need the data set (training::Validate checks
/// the rest). `prefix` is the path of the spec in the request, for the details of an error.
/// INVALID_ARGUMENT lists every field at fault; UNIMPLEMENTED lists what the contract names and this server lacks.
absl::StatusOr<training::Spec> SpecFromProto(const v1::JobSpec& spec, const std::string& prefix = "job.spec.");
/// As above; what is wrong is recorded, and the spec is then of no use.
training::Spec SpecFromProto(const v1::JobSpec& spec, Violations* violations);

/// Records what does not fit the data set that the spec names.
void CheckSpecFits(const training::Spec& spec, const v1::Dataset& dataset, Violations* violations);

/// The contract's message for a spec on a data set, with every default written out. What is chosen during training
/// (solver, precision) stays unspecified. SpecFromProto gives the same spec again.
v1::JobSpec SpecToProto(const training::Spec& spec, const std::string& dataset);

}  // namespace cvxnn::server
