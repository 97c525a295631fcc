// SPDX-License-Identifier: Apache-2.0
// Models and their outputs for people.
#pragma once

#include <ostream>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/command/context.h"

namespace cvxnn::command {

ExitStatus ReportModel(const Context& context, const v1::Model& model);
ExitStatus ReportModels(const Context& context, const std::vector<v1::Model>& models);
/// One row of numbers each, with the name of the predicted class: "table", "csv", or "json" (one object a line).
void PrintPredictions(const client::Predictions& predictions, const v1::Model& model, const std::string& format,
                      std::ostream& out);

}  // namespace cvxnn::command
