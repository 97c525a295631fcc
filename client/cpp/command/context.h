// SPDX-License-Identifier: Apache-2.0
// What every subcommand knows: the global flags, and what to run once the command line has been understood.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "client/cpp/client.h"
#include "client/cpp/command/connection_flags.h"
#include "client/cpp/command/exit_status.h"
#include "client/cpp/command/interrupt.h"

namespace cvxnn::command {

/// Global flags. One per run of the command.
struct Context {
  ConnectionFlags connection;
  std::string output = "table";           ///< "table" or "json"
  std::optional<double> timeout_seconds;  ///< of a call; absent: 30, and 600 for calls that work through data
  bool quiet = false;                     ///< print names of resources only
  std::function<ExitStatus()> action;     ///< set by the subcommand that was chosen

  bool json() const { return output == "json"; }
  absl::StatusOr<client::Client> Connect() const;
};

/// Says what the server refused, or that it cannot be reached, on standard error; answers kFailure. With --output json:
/// one line {"error": {"code": "NOT_FOUND", "message": …, "fields": [{"field": …, "description": …}, …]}}.
ExitStatus Fail(const Context& context, const absl::Status& status);
/// As Fail, of a transfer; kInterrupted where it was Ctrl-C that ended it.
ExitStatus FailTransfer(const Context& context, const InterruptGuard& interrupt, const absl::Status& status);
/// The same for something wrong on this side, before anything was sent; answers kUsage.
ExitStatus FailUsage(const Context& context, const absl::Status& status);
/// Writes a message as one indented JSON document to standard output: the answer of commands that give one.
void PrintJson(const google::protobuf::Message& message);
/// Writes one line of JSON to standard output at once: for commands that give several answers, one after the other.
void PrintJsonLine(const nlohmann::ordered_json& json);

/// "iris" or "datasets/iris" -> "datasets/iris"; empty stays empty.
std::string ResourceName(const std::string& collection, const std::string& text);

}  // namespace cvxnn::command
