// SPDX-License-Identifier: Apache-2.0
// The whole server in one object: store, queue, services and the port they listen on.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>
#include <string>

#include "server/api/parts.h"
#include "server/security/security.h"

namespace cvxnn::server {

/// A running server. Thread-safe.
class Server {
 public:
  struct Options {
    std::string listen = "127.0.0.1:50051";  ///< host:port; port 0 picks a free one
    std::string data_dir;                    ///< created where missing; one server at a time
    std::string import_root;                 ///< ImportDataset reads below it; empty: importing is off
    Limits limits;
    std::int64_t resident_bytes = std::int64_t{4} << 30;     ///< data sets kept in memory between jobs
    absl::Duration checkpoint_interval = absl::Seconds(30);  ///< of running jobs; 0: only when they are interrupted
    int compute_threads = 0;                                 ///< of one tensor operation; 0: as many as processors
    int call_niceness = 10;    ///< by how much threads that serve calls are nicer than those of jobs, 0 to 19
    Quota quota;               ///< of each principal that has none of its own
    SecurityOptions security;  ///< who is let in, and how the port speaks
    Trainer trainer;           ///< empty: training::Train; a stand-in in tests
  };

  /// Opens the data directory, takes up its queue and listens. INVALID_ARGUMENT: an option out of range, or as Guard
  /// (server/security). FAILED_PRECONDITION: another server has the directory, or as Guard. UNAVAILABLE: the address
  /// cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options);
  /// As Shutdown without time.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Host and the port really bound.
  const std::string& address() const;
  /// Everything counted and measured, in Prometheus' text format of kMetricsContentType (server/metrics).
  std::string Metrics() const;
  /// Whether the server takes new work: false once Shutdown began.
  bool ready() const;

  /// Health turns NOT_SERVING and no job is accepted or started any more; running jobs have until `deadline`, then they
  /// go back into the queue for the next start. Then streams end with UNAVAILABLE and the port closes. Idempotent.
  void Shutdown(absl::Time deadline);

 private:
  class Implementation;
  explicit Server(std::unique_ptr<Implementation> implementation);

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace cvxnn::server
