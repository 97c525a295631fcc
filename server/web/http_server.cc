// SPDX-License-Identifier: Apache-2.0
// Probes over HTTP with cpp-httplib; see http_server.h.
#include "server/web/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/web/listen_address.h"

namespace cvxnn::server {
namespace {

// Probes carry no body; whoever sends one is not a probe.
constexpr std::size_t kMaxRequestBytes = 4096;
constexpr int kThreads = 2;
constexpr int kTimeoutSeconds = 5;

}  // namespace

struct HttpServer::Implementation {
  httplib::Server http;
  std::thread thread;
  std::atomic<bool> ended = false;  // listening has ended, on request or not
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, std::function<bool()> ready) {
  auto parsed = ParseListenAddress(address, "http");
  if (!parsed.ok()) return parsed.status();
  int port = parsed->port;
  std::string host = parsed->host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  auto implementation = std::make_unique<Implementation>();
  auto& http = implementation->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  http.set_payload_max_length(kMaxRequestBytes);
  http.set_read_timeout(kTimeoutSeconds);
  http.set_write_timeout(kTimeoutSeconds);
  http.set_keep_alive_max_count(1);
  // The library's default lets a second server share the port in silence.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  http.Get("/healthz",
           [](const httplib::Request&, httplib::Response& response) { response.set_content("ok\n", "text/plain"); });
  http.Get("/readyz", [ready = std::move(ready)](const httplib::Request&, httplib::Response& response) {
    const bool is_ready = ready();
    response.status = is_ready ? 200 : 503;
    response.set_content(is_ready ? "ready\n" : "draining\n", "text/plain");
  });

  if (port == 0) {
    port = http.bind_to_any_port(host);
  } else if (!http.bind_to_port(host, port)) {
    port = -1;
  }
  if (port < 0) return absl::UnavailableError(absl::StrCat("http = \"", address, "\": cannot be bound"));
  implementation->thread = std::thread([&implementation = *implementation] {
    implementation.http.listen_after_bind();
    implementation.ended = true;
  });
  // stop() only reaches a server that already accepts, so nobody may hold this object earlier.
  while (!http.is_running() && !implementation->ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (implementation->ended) {
    implementation->thread.join();
    return absl::UnavailableError(absl::StrCat("http = \"", address, "\": bound, but listening failed"));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation), absl::StrCat(parsed->host, ":", port)));
}

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation, std::string address)
    : implementation_(std::move(implementation)), address_(std::move(address)) {}

HttpServer::~HttpServer() {
  implementation_->http.stop();
  implementation_->thread.join();
}

}  // namespace cvxnn::server
