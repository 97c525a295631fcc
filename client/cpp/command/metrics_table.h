// SPDX-License-Identifier: Apache-2.0
// Metrics of epochs and models for people.
#pragma once

#include <ostream>

#include "client/cpp/command/table.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// One field for every metric that is present.
void AddMetrics(FieldList& fields, const v1::EpochMetrics& metrics);
/// The models of a job, the best marked; columns that no model has are left out.
void PrintModelsTable(const v1::JobResult& result, std::ostream& out);

}  // namespace cvxnn::command
