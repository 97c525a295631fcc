// SPDX-License-Identifier: Apache-2.0
// The probes as a container sees them, over real sockets.
#include "server/web/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <memory>

namespace cvxnn::server {
namespace {

TEST(HttpServer, SaysHealthyAndReady) {
  auto server = HttpServer::Start("127.0.0.1:0", [] { return true; });
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  EXPECT_EQ(client.Get("/readyz")->status, 200);
}

TEST(HttpServer, IsHealthyButNotReadyWhileDraining) {
  std::atomic<bool> ready = true;
  auto server = HttpServer::Start("127.0.0.1:0", [&] { return ready.load(); });
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  ready = false;
  EXPECT_EQ(client.Get("/readyz")->status, 503);
  EXPECT_EQ(client.Get("/healthz")->status, 200);
}

TEST(HttpServer, KnowsNoOtherPath) {
  auto server = HttpServer::Start("127.0.0.1:0", [] { return true; });
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("http://" + (*server)->address());
  EXPECT_EQ(client.Get("/")->status, 404);
  EXPECT_EQ(client.Get("/../etc/passwd")->status, 404);
}

TEST(HttpServer, RefusesAnAddressInUse) {
  auto first = HttpServer::Start("127.0.0.1:0", [] { return true; });
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = HttpServer::Start((*first)->address(), [] { return true; });
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpServer, NamesAnAddressThatIsNone) {
  for (const char* address : {"8080", ":8080", "127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:http"}) {
    const auto server = HttpServer::Start(address, [] { return true; });
    EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(server.status().message()), ::testing::HasSubstr(address));
  }
}

}  // namespace
}  // namespace cvxnn::server
