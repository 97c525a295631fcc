// SPDX-License-Identifier: Apache-2.0
// cvxnn model download.
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "client/cpp/command/commands.h"
#include "client/cpp/command/flags.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/interrupt.h"
#include "client/cpp/command/output_file.h"
#include "client/cpp/command/transfer_line.h"

namespace cvxnn::command {
namespace {

struct DownloadFlags {
  std::string name;
  std::string format = "safetensors";
  std::string output;
};

/// The name of the file where none was asked for: the model's, with the format's usual ending.
std::string DefaultFile(const std::string& model, const std::string& format) {
  const std::string ending = format == "torchscript" ? "pt" : format;
  return absl::StrCat(absl::StripPrefix(model, "models/"), ".", ending);
}

ExitStatus Run(const Context& context, const DownloadFlags& flags) {
  const std::string model = ResourceName("models", flags.name);
  bool to_output = flags.output == "-";
  const std::string path = flags.output.empty() ? DefaultFile(model, flags.format) : flags.output;
  const auto client = context.Connect();
  if (!client.ok()) return Fail(context, client.status());

  const InterruptGuard interrupt;
  client::DownloadModelOptions options;
  options.format = EnumValue<v1::ModelFormat>(flags.format);
  options.stop = interrupt.token();
  absl::StatusOr<v1::DownloadModelHeader> header;
  {
    TransferLine line("downloading", !context.json() && !context.quiet);
    options.progress = line.Callback();
    if (to_output) {
      header = client->DownloadModel(model, std::cout, options);
      if (header.ok() && !std::cout.flush()) header = absl::InternalError("standard output cannot be written");
    } else {
      OutputFile file(path);
      if (!file.opened().ok()) return FailUsage(context, file.opened());
      to_output = file.direct();
      header = client->DownloadModel(model, file.stream(), options);
      if (header.ok()) {
        if (absl::Status status = file.Commit(); !status.ok()) header = status;
      }
    }
  }
  if (!header.ok()) return FailTransfer(context, interrupt, header.status());
  if (to_output) return kSuccess;
  if (context.json()) {
    std::cout << nlohmann::ordered_json{{"file", path}, {"bytes", header->total_bytes()}} << "\n";
  } else if (context.quiet) {
    std::cout << path << "\n";
  } else {
    std::cout << path << "  " << HumanBytes(header->total_bytes()) << "\n";
  }
  return kSuccess;
}

}  // namespace

void AddModelDownload(CLI::App& model, Context& context) {
  CLI::App* command = model.add_subcommand("download", "Fetch the weights; the file appears when it is complete");
  auto flags = std::make_shared<DownloadFlags>();
  command->add_option("NAME", flags->name, "models/…, or its last part")->required();
  OneOf<v1::ModelFormat>(command->add_option("--format", flags->format, "Format of the file"))->capture_default_str();
  command->add_option("-o,--out", flags->output, "File to write, - for standard output; default: the model's name");
  command->footer(
      "Examples:\n"
      "  cvxnn model download m-3f2a -o network.safetensors\n"
      "  cvxnn model download m-3f2a --format torchscript");
  command->callback([&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace cvxnn::command
