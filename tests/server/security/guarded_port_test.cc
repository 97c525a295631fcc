// SPDX-License-Identifier: Apache-2.0
// Real ports with real handshakes: who comes in, who does not, and with which status.
#include <absl/cleanup/cleanup.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <future>

#include "server/log/log.h"
#include "server/security/security.h"
#include "tests/server/security/certificate_maker.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

constexpr const char* kRead = "/cvxnn.v1.JobService/GetJob";
constexpr const char* kChange = "/cvxnn.v1.JobService/CreateJob";
// What the empty service of these tests answers to a call that was let in.
constexpr StatusCode kLetIn = StatusCode::UNIMPLEMENTED;

class GuardedPort : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(SetUpLog("text", "off").ok());
    Write("certificate", server_.certificate);
    Write("key", server_.key);
    Write("authority", authority_.certificate());
    Write("principals", PrincipalLine({"reader", Role::kReader}, "read") + "\n" +
                            PrincipalLine({"submitter", Role::kSubmitter}, "submit") + "\n" +
                            PrincipalLine({"admin", Role::kAdmin}, "rule") + "\n");
  }
  void TearDown() override {
    if (port_ != nullptr) port_->Shutdown(std::chrono::system_clock::now());
  }

  std::string Path(const std::string& name) const { return folder_.path() / name; }
  void Write(const std::string& name, const std::string& text) const { WritePrivately(Path(name), text); }
  SecurityOptions Tls() const { return {.tls_certificate = Path("certificate"), .tls_key = Path("key")}; }

  void Start(const SecurityOptions& options) {
    auto security = Guard("127.0.0.1:0", options);
    ASSERT_TRUE(security.ok()) << security.status();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", security->credentials, &port);
    builder.RegisterCallbackGenericService(&service_);
    port_ = builder.BuildAndStart();
    ASSERT_NE(port_, nullptr);
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  /// The status of a call over a connection of its own.
  StatusCode Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials, const std::string& method,
                  const std::string& authorization = "") const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    grpc::GenericStub stub(grpc::CreateCustomChannel(address_, credentials, arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    const grpc::Slice empty;
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get().error_code();
  }

  static std::shared_ptr<grpc::ChannelCredentials> Plain() { return grpc::InsecureChannelCredentials(); }
  static std::shared_ptr<grpc::ChannelCredentials> Trusting(const Authority& authority, const Identity& self = {}) {
    return grpc::SslCredentials({authority.certificate(), self.key, self.certificate});
  }

  const Authority authority_;
  const Identity server_ = authority_.Sign("server");
  TemporaryDirectory folder_;
  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> port_;
  std::string address_;
};

TEST_F(GuardedPort, WithoutPrincipalsOnLoopbackIsOpen) {
  Start({});
  EXPECT_EQ(Call(Plain(), kChange), kLetIn);
}

TEST_F(GuardedPort, AsksForATokenOnLoopbackToo) {
  Start({.principals = Path("principals")});
  EXPECT_EQ(Call(Plain(), kRead), StatusCode::UNAUTHENTICATED) << "no token";
  EXPECT_EQ(Call(Plain(), kRead, "Bearer wrong"), StatusCode::UNAUTHENTICATED) << "wrong token";
  EXPECT_EQ(Call(Plain(), kRead, "Basic cmVhZA=="), StatusCode::UNAUTHENTICATED) << "another scheme";
  EXPECT_EQ(Call(Plain(), kRead, "read"), StatusCode::UNAUTHENTICATED) << "no scheme";
  EXPECT_EQ(Call(Plain(), kRead, "Bearer "), StatusCode::UNAUTHENTICATED) << "empty token";
  EXPECT_EQ(Call(Plain(), kRead, "Bearer read"), kLetIn);
  EXPECT_EQ(Call(Plain(), kRead, "bearer read"), kLetIn) << "schemes have no case";
  EXPECT_EQ(Call(Plain(), "/grpc.health.v1.Health/Check"), kLetIn) << "probes need no token";
}

TEST_F(GuardedPort, LetsRolesDoNoMoreThanTheyMay) {
  Start({.principals = Path("principals")});
  constexpr const char* kReflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  constexpr const char* kChannelz = "/grpc.channelz.v1.Channelz/GetServers";
  EXPECT_EQ(Call(Plain(), kChange, "Bearer read"), StatusCode::PERMISSION_DENIED) << "a reader that submits";
  EXPECT_EQ(Call(Plain(), kChange, "Bearer submit"), kLetIn);
  EXPECT_EQ(Call(Plain(), kReflection), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(Plain(), kReflection, "Bearer read"), kLetIn);
  EXPECT_EQ(Call(Plain(), kChannelz, "Bearer submit"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Call(Plain(), kChannelz, "Bearer rule"), kLetIn);
}

TEST_F(GuardedPort, SpeaksTlsToThoseWhoTrustItsAuthority) {
  Start(Tls());
  EXPECT_EQ(Call(Trusting(authority_), kRead), kLetIn);
  EXPECT_EQ(Call(Trusting(Authority()), kRead), StatusCode::UNAVAILABLE) << "another authority";
  EXPECT_EQ(Call(Plain(), kRead), StatusCode::UNAVAILABLE) << "plain text";
}

TEST_F(GuardedPort, AsksForTokensUnderTls) {
  SecurityOptions options = Tls();
  options.principals = Path("principals");
  Start(options);
  EXPECT_EQ(Call(Trusting(authority_), kRead), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(Trusting(authority_), kRead, "Bearer read"), kLetIn);
}

TEST_F(GuardedPort, LetsInOnlyClientsOfItsAuthority) {
  SecurityOptions options = Tls();
  options.tls_client_ca = Path("authority");
  Start(options);
  EXPECT_EQ(Call(Trusting(authority_, authority_.Sign("ada")), kRead), kLetIn);
  EXPECT_EQ(Call(Trusting(authority_), kRead), StatusCode::UNAVAILABLE) << "no certificate";
  EXPECT_EQ(Call(Trusting(authority_, Authority().Sign("ada")), kRead), StatusCode::UNAVAILABLE) << "a stranger's";
  EXPECT_EQ(Call(Trusting(authority_, authority_.Sign("ada", std::chrono::seconds(-10))), kRead),
            StatusCode::UNAVAILABLE)
      << "an expired one";
}

TEST_F(GuardedPort, KnowsPrincipalsByCertificate) {
  SecurityOptions options = Tls();
  options.tls_client_ca = Path("authority");
  options.principals = Path("principals");
  Write("principals", "ada reader certificate\n" + PrincipalLine({"admin", Role::kAdmin}, "rule") + "\n");
  Start(options);
  const auto ada = Trusting(authority_, authority_.Sign("ada"));
  EXPECT_EQ(Call(ada, kRead), kLetIn);
  EXPECT_EQ(Call(ada, kChange), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Call(ada, kChange, "Bearer rule"), kLetIn) << "a token goes before the certificate";
  EXPECT_EQ(Call(ada, kRead, "Bearer wrong"), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(Trusting(authority_, authority_.Sign("eve")), kRead), StatusCode::UNAUTHENTICATED);
}

TEST_F(GuardedPort, TakesOverARenewedCertificate) {
  Start(Tls());
  ASSERT_EQ(Call(Trusting(authority_), kRead), kLetIn);
  const Authority other;
  const Identity renewed = other.Sign("server");
  Write("certificate", renewed.certificate);
  Write("key", renewed.key);
  StatusCode code = StatusCode::UNAVAILABLE;
  for (int i = 0; i < 100 && code != kLetIn; ++i) {
    absl::SleepFor(absl::Milliseconds(100));
    code = Call(Trusting(other), kRead);
  }
  EXPECT_EQ(code, kLetIn);
}

TEST_F(GuardedPort, WithdrawsATokenWithoutARestart) {
  Start({.principals = Path("principals")});
  ASSERT_EQ(Call(Plain(), kRead, "Bearer read"), kLetIn);
  Write("principals", PrincipalLine({"admin", Role::kAdmin}, "rule") + "\n");
  StatusCode code = kLetIn;
  for (int i = 0; i < 100 && code == kLetIn; ++i) {
    absl::SleepFor(absl::Milliseconds(100));
    code = Call(Plain(), kRead, "Bearer read");
  }
  EXPECT_EQ(code, StatusCode::UNAUTHENTICATED);
}

TEST_F(GuardedPort, IsNotOpenedToOthersWithoutProtection) {
  const auto refused = [](const std::string& listen, const SecurityOptions& options) {
    const auto security = Guard(listen, options);
    return security.ok() ? std::string("let through") : std::string(security.status().message());
  };
  SecurityOptions tokens{.principals = Path("principals")};
  EXPECT_THAT(refused("0.0.0.0:0", {}), HasSubstr("must be a loopback address"));
  EXPECT_THAT(refused("0.0.0.0:0", Tls()), HasSubstr("must be a loopback address")) << "anybody could come in";
  EXPECT_THAT(refused("0.0.0.0:0", tokens), HasSubstr("must not travel in plain text"));
  tokens.insecure = true;
  EXPECT_THAT(refused("0.0.0.0:0", tokens), HasSubstr("must not travel in plain text"));
  EXPECT_THAT(refused("0.0.0.0:0", {.insecure = true}), "let through");
  SecurityOptions both = Tls();
  both.principals = Path("principals");
  EXPECT_THAT(refused("0.0.0.0:0", both), "let through");
  SecurityOptions mutual = Tls();
  mutual.tls_client_ca = Path("authority");
  EXPECT_THAT(refused("0.0.0.0:0", mutual), "let through");
}

TEST(PlainAddress, IsOfThisMachineUnlessTold) {
  for (const char* address : {"127.0.0.1:0", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(CheckPlainAddress(address, false, "http").ok()) << address;
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "127.evil.example:1", "example.org:1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckPlainAddress(address, false, "http"))) << address;
    EXPECT_TRUE(CheckPlainAddress(address, true, "http").ok()) << address;
  }
  for (const char* address : {"", "127.0.0.1", ":1", "127.0.0.1:x", "127.0.0.1:65536"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckPlainAddress(address, true, "http"))) << address;
  }
}

TEST_F(GuardedPort, NamesTheFlagThatIsWrong) {
  const auto refused = [](const SecurityOptions& options) {
    return std::string(Guard("127.0.0.1:0", options).status().message());
  };
  SecurityOptions options = Tls();
  options.tls_key.clear();
  EXPECT_THAT(refused(options), HasSubstr("tls-certificate and tls-key: must both be given"));
  EXPECT_THAT(refused({.tls_client_ca = Path("authority")}), HasSubstr("tls-client-ca: needs tls-certificate"));
  options = Tls();
  options.tls_certificate = Path("missing");
  EXPECT_THAT(refused(options), HasSubstr("tls-certificate"));
  options = Tls();
  options.tls_certificate = Path("key");
  EXPECT_THAT(refused(options), HasSubstr("is not a certificate in PEM"));
  options = Tls();
  options.tls_key = Path("certificate");
  EXPECT_THAT(refused(options), HasSubstr("is not a private key in PEM"));
  Write("other", authority_.Sign("other").key);
  options.tls_key = Path("other");
  EXPECT_THAT(refused(options), HasSubstr("is not the key of the certificate"));
  const Identity old = authority_.Sign("server", std::chrono::seconds(-10));
  Write("old", old.certificate);
  Write("old-key", old.key);
  options = {.tls_certificate = Path("old"), .tls_key = Path("old-key")};
  EXPECT_THAT(refused(options), HasSubstr("has expired"));
  options = Tls();
  options.tls_client_ca = Path("key");
  EXPECT_THAT(refused(options), HasSubstr("holds no certificate"));
  Write("principals", "ada reader certificate\n");
  options = Tls();
  options.principals = Path("principals");
  EXPECT_THAT(refused(options), HasSubstr("which needs tls-client-ca"));
}

}  // namespace
}  // namespace cvxnn::server
