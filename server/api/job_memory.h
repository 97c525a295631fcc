// SPDX-License-Identifier: Apache-2.0
// The memory that a job will need, from its spec and what is stored of the data set and models that it names.
#pragma once

#include <absl/status/statusor.h>

#include "core/training/spec.h"
#include "cvxnn/v1/dataset.pb.h"
#include "cvxnn/v1/job.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Of a valid spec that fits `dataset`. Saturates. NOT_FOUND: a model or data set that the spec names is not there.
absl::StatusOr<v1::MemoryEstimate> EstimateJob(const Parts& parts, const training::Spec& spec,
                                               const v1::Dataset& dataset);

}  // namespace cvxnn::server
