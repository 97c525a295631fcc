// SPDX-License-Identifier: Apache-2.0
// The HTTP port of the server, for what does not speak gRPC: probes of liveness and readiness, and metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cvxnn::server {

/// Serves GET /healthz (200 while the process answers), GET /readyz (200 while `ready` says so, else 503) and GET
/// /metrics on its own threads until destroyed. Every other path is 404. A request may have 8 KiB of line and headers
/// (else 414 or 431), no body (413), and must have arrived within 5 s (408). `ready` and `metrics` must be quick.
/// Thread-safe.
class HttpServer {
 public:
  /// What it answers with.
  struct Pages {
    std::function<bool()> ready;
    std::function<std::string()> metrics = {};  ///< empty: there is no such page
    std::string metrics_content_type = {};
  };
  /// Listens on "host:port"; port 0 picks a free one. INVALID_ARGUMENT for an address of another form, UNAVAILABLE when
  /// it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, Pages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "host:port" with the port really bound.
  const std::string& address() const { return address_; }

 private:
  struct Implementation;
  HttpServer(std::unique_ptr<Implementation> implementation, std::string address);

  std::unique_ptr<Implementation> implementation_;
  std::string address_;
};

}  // namespace cvxnn::server
