// SPDX-License-Identifier: Apache-2.0
// Connecting, and saying what went wrong.
#include "client/cpp/command/context.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <iostream>

#include "client/cpp/command/echo.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/status.h"

namespace cvxnn::command {
namespace {

void PrintJsonError(const absl::Status& status) {
  nlohmann::ordered_json fields = nlohmann::ordered_json::array();
  for (const client::FieldViolation& violation : client::FieldViolations(status)) {
    fields.push_back({{"field", violation.field}, {"description", violation.description}});
  }
  const nlohmann::ordered_json error = {{"code", absl::StatusCodeToString(status.code())},
                                        {"message", std::string(status.message())},
                                        {"fields", std::move(fields)}};
  std::cerr << JsonLine({{"error", error}});
}

}  // namespace

absl::StatusOr<client::Client> Context::Connect() const {
  auto options = ToConnectOptions(connection);
  if (!options.ok()) return options.status();
  if (timeout_seconds.has_value()) options->timeout = options->slow_timeout = absl::Seconds(*timeout_seconds);
  return client::Client::Connect(connection.server, *options);
}

ExitStatus Fail(const Context& context, const absl::Status& status) {
  if (context.json()) {
    PrintJsonError(status);
    return kFailure;
  }
  std::cerr << "error: " << absl::StatusCodeToString(status.code()) << ": " << Printable(std::string(status.message()))
            << "\n";
  for (const std::string& line : client::DetailLines(status)) std::cerr << "  " << Printable(line) << "\n";
  if (absl::IsUnavailable(status) && absl::StrContains(status.message(), "onnect")) {
    std::cerr << "  is cvxnn-server running at " << context.connection.server
              << "? (--server or CVXNN_SERVER names another)\n";
  }
  return kFailure;
}

ExitStatus FailUsage(const Context& context, const absl::Status& status) {
  const std::string message = ShortenWords(std::string(status.message()));
  if (context.json()) {
    PrintJsonError(absl::Status(status.code(), message));
  } else {
    std::cerr << "error: " << Printable(message) << "\n";
  }
  return kUsage;
}

void PrintJson(const google::protobuf::Message& message) {
  std::cout << MessageToJson(message).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void PrintJsonLine(const nlohmann::ordered_json& json) { std::cout << JsonLine(json) << std::flush; }

std::string ResourceName(const std::string& collection, const std::string& text) {
  if (text.empty() || absl::StrContains(text, '/')) return text;
  return absl::StrCat(collection, "/", text);
}

}  // namespace cvxnn::command
