// SPDX-License-Identifier: Apache-2.0
// Global flags, subcommands, exit status.
#include "client/cpp/command/run.h"

#include <exception>
#include <iostream>

#include "client/cpp/command/commands.h"

namespace cvxnn::command {
namespace {

/// What was wrong, and how to learn more; where a noun stands alone, what it can be followed by.
int ReportUsage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string parents;
  while (!command->get_subcommands().empty()) {
    parents += (parents.empty() ? "" : " ") + command->get_name();
    command = command->get_subcommands().front();
  }
  if (command->get_require_subcommand_min() > 0 && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    std::cerr << command->help(parents);
  } else {
    std::cerr << "error: " << error.what() << "\nSee " << parents << " " << command->get_name() << " --help\n";
  }
  return kUsage;
}

}  // namespace

int Run(int argc, const char* const* argv) {
  Context context;
  CLI::App app("cvxnn: two-layer ReLU networks, trained to a certified optimum by a server", "cvxnn");
  app.set_version_flag("--version", CVXNN_VERSION);
  app.set_help_all_flag("--help-all", "Print the help of every command");
  app.require_subcommand(1);
  app.fallthrough();  // global flags may stand anywhere
  app.option_defaults()->always_capture_default(false);
  app.add_option("--server", context.server, "Address of the server")->envname("CVXNN_SERVER")->capture_default_str();
  app.add_option("--output", context.output, "table for people, json for scripts")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.add_option("--timeout", context.timeout_seconds, "Seconds that a single call may take")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("-q,--quiet", context.quiet, "Print names only");
  app.footer(
      "Exit status: 0 success, 1 refused or failed, 2 wrong usage, 3 the watched job was cancelled,\n"
      "130 watching ended by Ctrl-C.\n"
      "Examples:\n"
      "  cvxnn dataset create iris.csv --id iris --transform split=0.2 --transform standardize\n"
      "  cvxnn job submit convex --dataset iris --beta 0.1 --watch\n"
      "  cvxnn model list\n"
      "  cvxnn model download MODEL -o network.safetensors\n"
      "Every command has --help.");
  AddDatasetCommands(app, context);
  AddJobCommands(app, context);
  AddModelCommands(app, context);
  AddServerCommands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(app, error);
  }
  try {
    return context.action();
  } catch (const std::exception& error) {  // what a library threw in spite of our checks, e.g. std::bad_alloc
    std::cerr << "error: INTERNAL: " << error.what() << "\n";
    return kFailure;
  }
}

}  // namespace cvxnn::command
