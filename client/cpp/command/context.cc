// SPDX-License-Identifier: Apache-2.0
// Connecting, and saying what went wrong.
#include "client/cpp/command/context.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <iostream>
#include <string_view>

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

/// What a person can try; empty where there is nothing to add.
std::string Hint(const ConnectionFlags& connection, const absl::Status& status) {
  if (absl::IsUnauthenticated(status)) return "a token is given by --token-file FILE or CVXNN_TOKEN";
  if (!absl::IsUnavailable(status)) return "";
  const std::string_view message(status.message().data(), status.message().size());
  const auto says = [&](const char* words) { return message.find(words) != std::string_view::npos; };
  if (says("handshake")) {
    return absl::StrCat("does ", connection.server,
                        " speak TLS, and is its certificate signed by one that this machine or --tls-ca trusts?");
  }
  if (says("Socket closed") && !connection.UsesTls()) {
    return absl::StrCat("does ", connection.server, " want TLS? (--tls, --tls-ca)");
  }
  if (!says("onnect")) return "";
  return absl::StrCat("is cvxnn-server running at ", connection.server, "? (--server or CVXNN_SERVER names another)");
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
  const std::string hint = Hint(context.connection, status);
  if (!hint.empty()) std::cerr << "  " << Printable(hint) << "\n";
  return kFailure;
}

ExitStatus FailTransfer(const Context& context, const InterruptGuard& interrupt, const absl::Status& status) {
  const ExitStatus failed = Fail(context, status);
  return interrupt.interrupted() ? kInterrupted : failed;
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
