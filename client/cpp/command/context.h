// SPDX-License-Identifier: Apache-2.0
// What every subcommand knows: the global flags, and what to run once the command line has been understood.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <string>

#include "client/cpp/client.h"
#include "client/cpp/command/exit_status.h"

namespace cvxnn::command {

/// Global flags. One per run of the command.
struct Context {
  std::string server = "127.0.0.1:50051";
  std::string output = "table";        ///< "table" or "json"
  double timeout_seconds = 30;         ///< of every single call
  bool quiet = false;                  ///< print names of resources only
  std::function<ExitStatus()> action;  ///< set by the subcommand that was chosen

  bool json() const { return output == "json"; }
  absl::StatusOr<client::Client> Connect() const;
};

/// Prints "error: CODE: message" and the details to standard error; answers kFailure.
ExitStatus Fail(const Context& context, const absl::Status& status);
/// Prints "error: message" for something wrong on this side, before anything was sent; answers kUsage.
ExitStatus FailUsage(const absl::Status& status);
/// Writes a message as indented JSON to standard output.
void PrintJson(const google::protobuf::Message& message);

/// "iris" or "datasets/iris" -> "datasets/iris"; empty stays empty.
std::string ResourceName(const std::string& collection, const std::string& text);

}  // namespace cvxnn::command
