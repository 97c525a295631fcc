// SPDX-License-Identifier: Apache-2.0
// Opens the channel, and the calls about the server itself.
#include "client/cpp/client.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "client/cpp/address.h"
#include "client/cpp/client_state.h"
#include "client/cpp/health.h"
#include "client/cpp/token.h"

namespace cvxnn::client {
namespace {

grpc::ChannelArguments ChannelArguments(const std::string& address, const Keepalive& keepalive) {
  grpc::ChannelArguments arguments;
  // A restarted server is found again within seconds, not after gRPC's two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Calls without a deadline must not wait for ever for a peer that is gone. gRPC would stop after two pings during
  // which we send nothing, which is how a client waits for an answer: no limit.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(keepalive.time)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(absl::ToInt64Milliseconds(keepalive.timeout)));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  if (IsLoopback(address)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

absl::Status CheckToken(const std::string& address, const ConnectOptions& options) {
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };
  if (!std::all_of(options.token.begin(), options.token.end(), visible)) {
    return absl::InvalidArgumentError("token: must consist of visible ASCII characters");
  }
  if (options.token.empty() || options.credentials != nullptr || IsLoopback(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("token: would travel in plain text to ", address, ", which is another machine: use TLS"));
}

}  // namespace

Client::State::State(std::shared_ptr<grpc::Channel> shared_channel, ConnectOptions connect_options)
    : channel(std::move(shared_channel)),
      options(std::move(connect_options)),
      datasets(v1::DatasetService::NewStub(channel)),
      jobs(v1::JobService::NewStub(channel)),
      models(v1::ModelService::NewStub(channel)),
      server(v1::ServerService::NewStub(channel)) {}

absl::StatusOr<Client> Client::Connect(const std::string& address, const ConnectOptions& options) {
  if (address.empty()) return absl::InvalidArgumentError("address = \"\": must be host:port");
  if (options.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("timeout = ", absl::FormatDuration(options.timeout), ": must be above 0"));
  }
  for (const auto& [what, duration] : {std::pair("keepalive.time", options.keepalive.time),
                                       std::pair("keepalive.timeout", options.keepalive.timeout)}) {
    if (duration >= absl::Milliseconds(1) && duration <= absl::Hours(24)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, " = ", absl::FormatDuration(duration), ": must be in [1ms, 24h]"));
  }
  if (absl::Status token = CheckToken(address, options); !token.ok()) return token;
  auto credentials = options.credentials ? options.credentials : grpc::InsecureChannelCredentials();
  return FromChannel(grpc::experimental::CreateCustomChannelWithInterceptors(
                         address, credentials, ChannelArguments(address, options.keepalive), ShowToken(options.token)),
                     options);
}

Client Client::FromChannel(std::shared_ptr<grpc::Channel> channel, const ConnectOptions& options) {
  return Client(std::make_shared<const State>(std::move(channel), options));
}

absl::StatusOr<v1::ServerInfo> Client::GetServerInfo() const {
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->server,
                   &v1::ServerService::Stub::GetServerInfo, v1::GetServerInfoRequest());
}

absl::StatusOr<bool> Client::CheckHealth(const std::string& service) const {
  return CheckServingStatus(state_->channel, service, absl::Now() + state_->options.timeout);
}

}  // namespace cvxnn::client
