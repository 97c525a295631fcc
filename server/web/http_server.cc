// SPDX-License-Identifier: Apache-2.0
// Probes over HTTP with cpp-httplib; see http_server.h.
#include "server/web/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/web/head_gate.h"
#include "server/web/listen_address.h"

namespace cvxnn::server {
namespace {

/// A request that has arrived, and the response to it.
class Exchange : public httplib::Stream {
 public:
  explicit Exchange(const std::string& request) : request_(request) {}
  const std::string& response() const { return response_; }

  bool is_readable() const override { return position_ < request_.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* bytes, std::size_t size) override {
    const std::size_t copied = request_.copy(bytes, size, position_);
    position_ += copied;
    return static_cast<ssize_t>(copied);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    response_.append(bytes, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  const std::string& request_;
  std::string response_;
  std::size_t position_ = 0;
};

/// Tasks of the accepting thread: they only hand a socket on.
class AtOnce : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

/// The library's own reading of sockets bounds neither a line nor the time of a whole request, and each connection
/// holds one of its threads. So the gate reads the requests, and the library parses and routes what has arrived.
class GatedServer : public httplib::Server {
 public:
  /// Called once bound. The library lets five connections wait to be accepted; what comes beyond those is tried again
  /// by the client's system only after a second.
  bool LengthenQueue() { return ::listen(svr_sock_, SOMAXCONN) == 0; }

 private:
  bool process_and_close_socket(socket_t socket) override {
    gate_.Take(socket);
    return true;
  }

  std::string Answer(const std::string& head) {
    Exchange exchange(head);
    bool closed = false;
    process_request(exchange, true, closed, nullptr);
    return exchange.response();
  }

  HeadGate gate_{HeadGate::Limits{}, [this](const std::string& head) { return Answer(head); }};
};

}  // namespace

struct HttpServer::Implementation {
  GatedServer http;
  std::thread thread;
  std::atomic<bool> ended = false;  // listening has ended, on request or not
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, Pages pages) {
  auto parsed = ParseListenAddress(address, "http");
  if (!parsed.ok()) return parsed.status();
  int port = parsed->port;
  std::string host = parsed->host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  auto implementation = std::make_unique<Implementation>();
  auto& http = implementation->http;
  http.new_task_queue = [] { return new AtOnce; };
  http.set_payload_max_length(0);  // probes carry no body
  // The library's default lets a second server share the port in silence.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  http.Get("/healthz",
           [](const httplib::Request&, httplib::Response& response) { response.set_content("ok\n", "text/plain"); });
  http.Get("/readyz", [ready = std::move(pages.ready)](const httplib::Request&, httplib::Response& response) {
    const bool is_ready = ready();
    response.status = is_ready ? 200 : 503;
    response.set_content(is_ready ? "ready\n" : "draining\n", "text/plain");
  });

  if (pages.metrics) {
    http.Get("/metrics",
             [metrics = std::move(pages.metrics), type = std::move(pages.metrics_content_type)](
                 const httplib::Request&, httplib::Response& response) { response.set_content(metrics(), type); });
  }

  if (port == 0) {
    port = http.bind_to_any_port(host);
  } else if (!http.bind_to_port(host, port)) {
    port = -1;
  }
  if (port < 0 || !http.LengthenQueue()) {
    return absl::UnavailableError(absl::StrCat("http = \"", address, "\": cannot be bound"));
  }
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
