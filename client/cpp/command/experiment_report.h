// SPDX-License-Identifier: Apache-2.0
// The jobs of an experiment for people.
#pragma once

#include <vector>

#include "client/cpp/command/table.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// One row a job, by its best model: what it was, what it reached, and what is proved of it.
Table ComparisonTable(const std::vector<v1::Job>& jobs);

}  // namespace cvxnn::command
