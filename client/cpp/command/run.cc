// SPDX-License-Identifier: Apache-2.0
// Global flags, subcommands, exit status.
#include "client/cpp/command/run.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/echo.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/number_flag.h"

namespace cvxnn::command {
namespace {

/// The command line was not understood, so the flags were not either: looks for --output json itself.
bool WantsJson(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--output=json") return true;
    if (argument == "--output" && i + 1 < argc && std::string(argv[i + 1]) == "json") return true;
  }
  return false;
}

/// The innermost command of the line, and the words before it.
struct Place {
  const CLI::App* command;
  std::string parents;

  std::string Name() const { return absl::StrCat(parents, parents.empty() ? "" : " ", command->get_name()); }
  bool WantsCommand() const { return command->get_require_subcommand_min() > 0; }
};

Place Innermost(const CLI::App& app) {
  Place place{&app, ""};
  while (!place.command->get_subcommands().empty()) {
    place = {place.command->get_subcommands().front(), place.Name()};
  }
  return place;
}

/// CLI11 only says that a subcommand is required, also where there was a word that is none.
std::string UsageMessage(const CLI::App& app, const Place& place, const CLI::ParseError& error) {
  const bool lacks_command = place.WantsCommand() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!lacks_command) return error.what();
  std::vector<std::string> names;
  for (const CLI::App* command : place.command->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const std::string known = absl::StrCat(place.Name(), " has ", absl::StrJoin(names, ", "));
  const std::vector<std::string> unknown = app.remaining(true);
  return unknown.empty() ? absl::StrCat("a command is missing: ", known)
                         : absl::StrCat(unknown.front(), ": no such command: ", known);
}

/// What was wrong, and how to learn more; where a noun stands alone, what it can be followed by.
int ReportUsage(const CLI::App& app, const CLI::ParseError& error) {
  const Place place = Innermost(app);
  if (place.WantsCommand() && app.remaining(true).empty() &&
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    std::cerr << place.command->help(place.parents);
  } else {
    std::cerr << "error: " << Printable(ShortenWords(UsageMessage(app, place, error))) << "\nSee " << place.Name()
              << " --help\n";
  }
  return kUsage;
}

/// A script that lost what it asked for must not be told that all went well.
int CheckOutput(const Context& context, int exit_status) {
  std::cout.flush();
  if (std::cout) return exit_status;
  const ExitStatus failed = Fail(context, absl::DataLossError("standard output could not be written entirely"));
  return exit_status == kSuccess ? failed : exit_status;
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
  AddConnectionFlags(app, context.connection);
  app.add_option("--output", context.output, "table for people, json for scripts")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  OnlyNumbers<double>(
      app.add_option(
          "--timeout", context.timeout_seconds,
          "Seconds that a call may take, its retries included; default 30, and 600 for dataset generate, dataset "
          "import and model evaluate. Uploads, downloads and watches take as long as they need"))
      ->check(CLI::PositiveNumber);
  app.add_flag("-q,--quiet", context.quiet, "Print names only");
  app.footer(
      "Exit status: 0 success, 1 refused or failed, 2 wrong usage, 3 the watched job was cancelled,\n"
      "130 ended by Ctrl-C; a watched job goes on.\n"
      "With --output json: one document; one object per line from commands that take several names and from those "
      "that\n"
      "watch; errors as {\"error\": {code, message, fields}} on standard error.\n"
      "Examples:\n"
      "  cvxnn dataset create iris.csv --id iris --transform split=0.2 --transform standardize\n"
      "  cvxnn job submit convex --dataset iris --beta 0.1 --watch\n"
      "  cvxnn model list\n"
      "  cvxnn model download MODEL -o network.safetensors\n"
      "Every command has --help.");
  AddDatasetCommands(app, context);
  AddJobCommands(app, context);
  AddExperimentCommands(app, context);
  AddModelCommands(app, context);
  AddServerCommands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return CheckOutput(context, app.exit(asked));
  } catch (const CLI::ParseError& error) {
    if (!WantsJson(argc, argv)) return ReportUsage(app, error);
    context.output = "json";
    return FailUsage(context, absl::InvalidArgumentError(UsageMessage(app, Innermost(app), error)));
  }
  try {
    return CheckOutput(context, context.action());
  } catch (const std::exception& error) {  // what a library threw in spite of our checks, e.g. std::bad_alloc
    return Fail(context, absl::InternalError(error.what()));
  }
}

}  // namespace cvxnn::command
