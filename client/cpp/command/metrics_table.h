// SPDX-License-Identifier: Apache-2.0
// Metrics of epochs and models for people.
#pragma once

#include <ostream>
#include <string>

#include "client/cpp/command/table.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// One field for every metric that is present.
void AddMetrics(FieldList& fields, const v1::EpochMetrics& metrics);
/// "2,940 trials: objective best 0.1, median 0.3, worst 12; 17 diverged".
std::string TrialsSummary(const v1::JobResult& result);
/// The models of a job, the best marked; columns that no model has, and settings that do not vary, are left out. Of
/// more than 20 only the best 10, and a line about all.
void PrintModelsTable(const v1::JobResult& result, std::ostream& out);

}  // namespace cvxnn::command
