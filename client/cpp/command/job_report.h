// SPDX-License-Identifier: Apache-2.0
// Jobs for people.
#pragma once

#include <absl/time/time.h>

#include <ostream>
#include <string>
#include <vector>

#include "client/cpp/command/context.h"
#include "client/cpp/command/table.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// "convex gated", "descent relu sgd": the method in a few words.
std::string MethodText(const v1::JobSpec& spec);
/// The model that result.best_model names; null when there is none.
const v1::TrainedModel* BestModel(const v1::JobResult& result);
/// Metrics that stand for the job among others: those of its best model, else the latest.
const v1::EpochMetrics& TellingMetrics(const v1::Job& job);
/// A description as the global flags want it.
ExitStatus ReportJob(const Context& context, const v1::Job& job);
/// One row a job.
Table JobsTable(const std::vector<v1::Job>& jobs, absl::Time now);
/// A list as a table, a JSON array, or names.
ExitStatus ReportJobs(const Context& context, const std::vector<v1::Job>& jobs);
/// What came of a job that has ended: one sentence and its models.
void PrintOutcome(const v1::Job& job, std::ostream& out);
/// Success only for SUCCEEDED; kCancelled for CANCELLED.
ExitStatus StatusOfEndedJob(const v1::Job& job);

}  // namespace cvxnn::command
