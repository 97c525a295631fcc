// SPDX-License-Identifier: Apache-2.0
// Connecting, and saying what went wrong.
#include "client/cpp/command/context.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <iostream>

#include "client/cpp/command/humanize.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/status.h"

namespace cvxnn::command {

absl::StatusOr<client::Client> Context::Connect() const {
  client::ConnectOptions options;
  options.timeout = absl::Seconds(timeout_seconds);
  return client::Client::Connect(server, options);
}

ExitStatus Fail(const Context& context, const absl::Status& status) {
  std::cerr << "error: " << absl::StatusCodeToString(status.code()) << ": " << Printable(std::string(status.message()))
            << "\n";
  for (const std::string& line : client::DetailLines(status)) std::cerr << "  " << Printable(line) << "\n";
  if (absl::IsUnavailable(status) && absl::StrContains(status.message(), "onnect")) {
    std::cerr << "  is cvxnn-server running at " << context.server << "? (--server or CVXNN_SERVER names another)\n";
  }
  return kFailure;
}

ExitStatus FailUsage(const absl::Status& status) {
  std::cerr << "error: " << Printable(std::string(status.message())) << "\n";
  return kUsage;
}

void PrintJson(const google::protobuf::Message& message) {
  std::cout << MessageToJson(message).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

std::string ResourceName(const std::string& collection, const std::string& text) {
  if (text.empty() || absl::StrContains(text, '/')) return text;
  return absl::StrCat(collection, "/", text);
}

}  // namespace cvxnn::command
