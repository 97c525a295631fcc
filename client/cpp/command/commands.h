// SPDX-License-Identifier: Apache-2.0
// The subcommands, one function a noun or a verb big enough for a file of its own. Each adds its flags to the parser
// and sets Context::action when it is the one that was chosen; nothing is sent while flags are parsed.
#pragma once

#include <CLI/CLI.hpp>

#include "client/cpp/command/context.h"

namespace cvxnn::command {

void AddDatasetCommands(CLI::App& app, Context& context);
void AddExperimentCommands(CLI::App& app, Context& context);
void AddJobCommands(CLI::App& app, Context& context);
void AddModelCommands(CLI::App& app, Context& context);
void AddServerCommands(CLI::App& app, Context& context);

// Parts of the above.
void AddDatasetCreate(CLI::App& dataset, Context& context);
void AddDatasetGenerate(CLI::App& dataset, Context& context);
void AddDatasetImport(CLI::App& dataset, Context& context);
void AddJobSubmit(CLI::App& job, Context& context);
void AddJobWatch(CLI::App& job, Context& context);
void AddModelDownload(CLI::App& model, Context& context);
void AddModelPredict(CLI::App& model, Context& context);
void AddModelEvaluate(CLI::App& model, Context& context);
void AddModelCheck(CLI::App& model, Context& context);
void AddModelReduce(CLI::App& model, Context& context);

}  // namespace cvxnn::command
