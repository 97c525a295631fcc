// SPDX-License-Identifier: Apache-2.0
// The probes as a container sees them, over real sockets.
#include "server/web/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cvxnn::server {
namespace {

TEST(HttpServer, SaysHealthyAndReady) {
  auto server = HttpServer::Start("127.0.0.1:0", {[] { return true; }});
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  EXPECT_EQ(client.Get("/readyz")->status, 200);
}

TEST(HttpServer, IsHealthyButNotReadyWhileDraining) {
  std::atomic<bool> ready = true;
  auto server = HttpServer::Start("127.0.0.1:0", {[&] { return ready.load(); }});
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  ready = false;
  EXPECT_EQ(client.Get("/readyz")->status, 503);
  EXPECT_EQ(client.Get("/healthz")->status, 200);
}

TEST(HttpServer, KnowsNoOtherPath) {
  auto server = HttpServer::Start("127.0.0.1:0", {[] { return true; }});
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  EXPECT_EQ(client.Get("/")->status, 404);
  EXPECT_EQ(client.Get("/../etc/passwd")->status, 404);
}

// A socket connected to a server on the loopback address.
int Connect(const std::string& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  const int connected = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(connected, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  return connected;
}

TEST(HttpServer, AnswersWhileOthersHoldHalfARequest) {
  auto server = HttpServer::Start("127.0.0.1:0", {[] { return true; }});
  ASSERT_TRUE(server.ok()) << server.status();
  std::vector<int> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(Connect((*server)->address()));
    EXPECT_EQ(send(idle.back(), "GET /h", 6, MSG_NOSIGNAL), 6);
  }
  // Less than what an idle connection is allowed, so that no answer can come from one having given up.
  httplib::Client client("http://" + (*server)->address());
  client.set_read_timeout(3);
  const auto response = client.Get("/healthz");
  ASSERT_TRUE(response) << httplib::to_string(response.error());
  EXPECT_EQ(response->status, 200);
  for (const int connected : idle) close(connected);
}

TEST(HttpServer, RefusesABody) {
  auto server = HttpServer::Start("127.0.0.1:0", {[] { return true; }});
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  const auto response = client.Post("/healthz", "body", "text/plain");
  ASSERT_TRUE(response) << httplib::to_string(response.error());
  EXPECT_EQ(response->status, 413);
}

TEST(HttpServer, RefusesAnAddressInUse) {
  auto first = HttpServer::Start("127.0.0.1:0", {[] { return true; }});
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = HttpServer::Start((*first)->address(), {[] { return true; }});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpServer, NamesAnAddressThatIsNone) {
  for (const char* address : {"8080", ":8080", "127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:http"}) {
    const auto server = HttpServer::Start(address, {[] { return true; }});
    EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(server.status().message()), ::testing::HasSubstr(address));
  }
}

}  // namespace
}  // namespace cvxnn::server
