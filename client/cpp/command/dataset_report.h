// SPDX-License-Identifier: Apache-2.0
// Data sets for people.
#pragma once

#include <vector>

#include "client/cpp/command/context.h"
#include "cvxnn/v1/dataset.pb.h"

namespace cvxnn::command {

/// A description as the global flags want it: fields, JSON, or the name alone.
ExitStatus ReportDataset(const Context& context, const v1::Dataset& dataset);
/// A list as a table, a JSON array, or names.
ExitStatus ReportDatasets(const Context& context, const std::vector<v1::Dataset>& datasets);

}  // namespace cvxnn::command
