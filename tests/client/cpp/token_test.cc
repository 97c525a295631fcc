// SPDX-License-Identifier: Apache-2.0
// Tokens and certificate files of the client.
#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <string>

#include "client/cpp/client.h"
#include "client/cpp/tls.h"
#include "cvxnn/v1/server_service.grpc.pb.h"

namespace cvxnn::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Remembers the authorization headers of its last call.
class RemembersHeaders : public v1::ServerService::Service {
 public:
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest*, v1::ServerInfo*) override {
    headers.clear();
    const auto& metadata = context->client_metadata();
    const auto [first, last] = metadata.equal_range("authorization");
    for (auto header = first; header != last; ++header)
      headers.emplace_back(header->second.data(), header->second.size());
    return grpc::Status::OK;
  }
  std::vector<std::string> headers;
};

TEST(Token, IsShownOnceWithEveryCall) {
  RemembersHeaders service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const std::string address = "127.0.0.1:" + std::to_string(port);
  ConnectOptions options;
  options.token = "cvxnn_1";
  const auto client = Client::Connect(address, options);
  ASSERT_TRUE(client.ok()) << client.status();
  for (int call = 0; call < 2; ++call) {
    ASSERT_TRUE(client->GetServerInfo().ok());
    EXPECT_THAT(service.headers, ElementsAre("Bearer cvxnn_1"));
  }
  ASSERT_TRUE(Client::Connect(address)->GetServerInfo().ok());
  EXPECT_THAT(service.headers, IsEmpty()) << "no token, no header";
}

TEST(Token, DoesNotTravelInPlainTextToAnotherMachine) {
  ConnectOptions options;
  options.token = "secret";
  const absl::Status status = Client::Connect("example.org:1", options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("example.org:1"));
  EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("secret")));
  options.credentials = *TlsCredentials({});
  EXPECT_TRUE(Client::Connect("example.org:1", options).ok());
}

TEST(Token, IsTextThatAHeaderCanHold) {
  for (const char* token : {"two words", "line\nbreak", "Ω"}) {
    ConnectOptions options;
    options.token = token;
    EXPECT_EQ(Client::Connect("127.0.0.1:1", options).status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST(TlsCredentials, NameTheFileThatIsMissing) {
  const auto credentials = TlsCredentials({"/nosuch/ca.pem", "", ""});
  EXPECT_EQ(credentials.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(credentials.status().message()), HasSubstr("/nosuch/ca.pem"));
  EXPECT_EQ(TlsCredentials({"", "/nosuch/certificate.pem", ""}).status().code(), absl::StatusCode::kInvalidArgument)
      << "a certificate without its key";
}

}  // namespace
}  // namespace cvxnn::client
