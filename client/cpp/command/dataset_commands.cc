// SPDX-License-Identifier: Apache-2.0
// cvxnn dataset list, describe, delete.
#include <nlohmann/json.hpp>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/dataset_report.h"
#include "client/cpp/command/flags.h"

namespace cvxnn::command {
namespace {

void AddList(CLI::App& dataset, Context& context) {
  CLI::App* command = dataset.add_subcommand("list", "List data sets, newest first")->alias("ls");
  auto limit = std::make_shared<std::int64_t>(0);
  OnlyNumbers<std::int64_t>(command->add_option("-n,--limit", *limit, "Most to show; 0 shows all"), 0);
  command->footer("Example:\n  cvxnn dataset list --limit 10");
  command->callback([&context, limit] {
    context.action = [&context, limit]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto datasets = client->ListDatasets(*limit);
      return datasets.ok() ? ReportDatasets(context, *datasets) : Fail(context, datasets.status());
    };
  });
}

void AddDescribe(CLI::App& dataset, Context& context) {
  CLI::App* command = dataset.add_subcommand("describe", "Show one data set");
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "datasets/iris, or iris for short")->required();
  command->footer("Example:\n  cvxnn dataset describe iris");
  command->callback([&context, name] {
    context.action = [&context, name]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      const auto found = client->GetDataset(ResourceName("datasets", *name));
      return found.ok() ? ReportDataset(context, *found) : Fail(context, found.status());
    };
  });
}

void AddDelete(CLI::App& dataset, Context& context) {
  CLI::App* command = dataset.add_subcommand("delete", "Delete data sets")->alias("rm");
  auto names = std::make_shared<std::vector<std::string>>();
  auto allow_missing = std::make_shared<bool>(false);
  command->add_option("NAME", *names, "Data sets to delete")->required();
  command->add_flag("--allow-missing", *allow_missing, "Succeed also where there is no such data set");
  command->footer("Example:\n  cvxnn dataset delete iris spirals");
  command->callback([&context, names, allow_missing] {
    context.action = [&context, names, allow_missing]() -> ExitStatus {
      const auto client = context.Connect();
      if (!client.ok()) return Fail(context, client.status());
      for (const std::string& name : *names) {
        const absl::Status status = client->DeleteDataset(ResourceName("datasets", name), *allow_missing);
        if (!status.ok()) return Fail(context, status);
        if (context.json()) PrintJsonLine({{"deleted", ResourceName("datasets", name)}});
      }
      return kSuccess;
    };
  });
}

}  // namespace

void AddDatasetCommands(CLI::App& app, Context& context) {
  CLI::App* dataset = app.add_subcommand("dataset", "Bring data to the server and look at it")->alias("datasets");
  dataset->require_subcommand(1);
  dataset->footer("");  // that of the whole command is not for here
  AddDatasetCreate(*dataset, context);
  AddDatasetGenerate(*dataset, context);
  AddDatasetImport(*dataset, context);
  AddList(*dataset, context);
  AddDescribe(*dataset, context);
  AddDelete(*dataset, context);
}

}  // namespace cvxnn::command
