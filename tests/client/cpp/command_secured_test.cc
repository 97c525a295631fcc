// SPDX-License-Identifier: Apache-2.0
// The command against a server that asks who is there: tokens from a file and from the environment, TLS.
#include <sstream>

#include "tests/client/cpp/command_fixture.h"
#include "tests/server/security/certificate_maker.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;

class SecuredCommand : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(CVXNN_BINARY_DIR "/cvxnn-server") ||
        !std::filesystem::exists(CVXNN_BINARY_DIR "/cvxnn")) {
      GTEST_SKIP() << "cvxnn-server or cvxnn is not built in " CVXNN_BINARY_DIR;
    }
    server::WritePrivately(Path("principals"), NewToken("ada:submitter", "ada") + NewToken("bob:reader", "bob"));
  }

  std::string Path(const std::string& name) const { return folder_.path() / name; }

  /// Has the server make a token, which goes into a file; gives its line for the principals file.
  std::string NewToken(const std::string& who, const std::string& file) const {
    std::istringstream made(RunLine(CVXNN_BINARY_DIR "/cvxnn-server --new-token " + who).text);
    std::string words, token, line;
    std::getline(made, words) && std::getline(made, token) && std::getline(made, words) && std::getline(made, line);
    server::WritePrivately(Path(file), token + "\n");
    return line + "\n";
  }

  static Output Run(const ServerProcess& server, const std::string& environment, const std::string& arguments) {
    return RunLine(environment + " CVXNN_SERVER=" + server.address() + " " CVXNN_BINARY_DIR "/cvxnn " + arguments +
                   " 2>&1");
  }

  const TemporaryDirectory folder_;
};

TEST_F(SecuredCommand, ShowsATokenFromAFileOrTheEnvironment) {
  const ServerProcess server(folder_.path(), {"--principals", Path("principals")});
  ASSERT_NE(server.address(), "");
  const Output nobody = Run(server, "", "dataset list");
  EXPECT_EQ(nobody.exit_status, 1);
  EXPECT_THAT(nobody.text, HasSubstr("error: UNAUTHENTICATED: authorization: required"));
  EXPECT_THAT(nobody.text, HasSubstr("--token-file FILE or CVXNN_TOKEN"));
  EXPECT_EQ(Run(server, "", "dataset list --token-file " + Path("bob")).exit_status, 0);
  const Output by_environment = Run(server, "CVXNN_TOKEN=$(cat " + Path("bob") + ")", "dataset list");
  EXPECT_EQ(by_environment.exit_status, 0) << by_environment.text;
  const Output reader = Run(server, "", "dataset generate two-spirals --rows 40 --id s --token-file " + Path("bob"));
  EXPECT_EQ(reader.exit_status, 1);
  EXPECT_THAT(reader.text, HasSubstr("PERMISSION_DENIED: bob is a reader"));
  const Output submitter = Run(server, "", "dataset generate two-spirals --rows 40 --id s --token-file " + Path("ada"));
  EXPECT_EQ(submitter.exit_status, 0) << submitter.text;
  // A stream and a call with a body are let through alike.
  const Output trained =
      Run(server, "", "job submit convex --dataset s --beta 0.5 --watch --token-file " + Path("ada"));
  EXPECT_EQ(trained.exit_status, 0) << trained.text;
}

TEST_F(SecuredCommand, SpeaksTls) {
  const server::Authority authority;
  const server::Identity identity = authority.Sign("server");
  server::WritePrivately(Path("certificate.pem"), identity.certificate);
  server::WritePrivately(Path("key.pem"), identity.key);
  server::WritePrivately(Path("ca.pem"), authority.certificate());
  server::WritePrivately(Path("strangers.pem"), server::Authority().certificate());
  const ServerProcess server(folder_.path(), {"--tls-certificate", Path("certificate.pem"), "--tls-key",
                                              Path("key.pem"), "--principals", Path("principals")});
  ASSERT_NE(server.address(), "");
  const std::string bob = " --token-file " + Path("bob");
  EXPECT_EQ(Run(server, "", "dataset list --tls-ca " + Path("ca.pem") + bob).exit_status, 0);
  EXPECT_EQ(Run(server, "", "dataset list --timeout 3" + bob).exit_status, 1) << "plain text";
  const std::string strangers = "dataset list --timeout 3 --tls-ca " + Path("strangers.pem") + bob;
  const Output distrusts = Run(server, "", strangers);
  EXPECT_EQ(distrusts.exit_status, 1);
  EXPECT_THAT(distrusts.text, testing::StartsWith("error: UNAVAILABLE")) << "the libraries' own lines are left out";
  EXPECT_THAT(distrusts.text, HasSubstr("certificate signed by one that this machine or --tls-ca trusts?"));
  const auto error = nlohmann::json::parse(Run(server, "", strangers + " --output json").text)["error"];
  EXPECT_EQ(error["code"], "UNAVAILABLE");
  EXPECT_EQ(RunLine(CVXNN_BINARY_DIR "/cvxnn-server --healthcheck " + server.address() + " --tls-certificate " +
                    Path("certificate.pem") + " --tls-key " + Path("key.pem"))
                .exit_status,
            0);
}

TEST_F(SecuredCommand, NamesTheFileThatHoldsNoToken) {
  const Output none = RunLine(CVXNN_BINARY_DIR "/cvxnn dataset list --token-file /nosuch/token 2>&1");
  EXPECT_NE(none.exit_status, 0);
  EXPECT_THAT(none.text, HasSubstr("--token-file: /nosuch/token: cannot be opened"));
  server::WritePrivately(Path("empty"), "\n");
  const Output empty = RunLine(CVXNN_BINARY_DIR "/cvxnn dataset list --token-file " + Path("empty") + " 2>&1");
  EXPECT_NE(empty.exit_status, 0);
  EXPECT_THAT(empty.text, HasSubstr("/empty holds no token"));
}

}  // namespace
}  // namespace cvxnn::command
