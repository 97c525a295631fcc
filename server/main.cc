// SPDX-License-Identifier: Apache-2.0
// The program cvxnn-server: flags, signals, and the one line on stdout that says where it listens.
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/torch/runtime.h"
#include "server/healthcheck.h"
#include "server/log/log.h"
#include "server/processors.h"
#include "server/server.h"
#include "server/web/http_server.h"

namespace {

using cvxnn::server::HttpServer;
using cvxnn::server::LogEvent;
using cvxnn::server::LogLevel;
using cvxnn::server::Server;

struct Flags {
  Server::Options server;
  std::string http;
  std::string log_format = "json";
  std::string log_level = "info";
  std::string healthcheck;
  double drain_seconds = 10;
  std::optional<std::int64_t> max_dataset_bytes;
  std::optional<std::int64_t> resident_bytes;
  std::optional<int> threads;
};

// What no flag has set: half of the memory that this process may use for one data set, a quarter for data sets that
// wait in memory for the next job, and every processor.
void SizeByMachine(const Flags& flags, Server::Options* options) {
  const std::int64_t memory = cvxnn::AvailableDevices().front().total_bytes;
  options->limits.max_dataset_bytes =
      flags.max_dataset_bytes.value_or(std::max<std::int64_t>(memory / 2, std::int64_t{1} << 28));
  options->resident_bytes = flags.resident_bytes.value_or(memory / 4);
  options->compute_threads = flags.threads.value_or(cvxnn::server::UsableProcessors());
}

void Declare(Flags* flags, CLI::App* app) {
  app->set_version_flag("--version", std::string("cvxnn-server ") + CVXNN_VERSION);
  app->add_option("--listen", flags->server.listen, "Address for gRPC, host:port; port 0 picks a free one")
      ->capture_default_str();
  app->add_option("--http", flags->http, "Address for HTTP probes (/healthz, /readyz); none: no HTTP");
  app->add_option("--data-dir", flags->server.data_dir, "Folder for data sets, jobs and models (required)");
  app->add_option("--import-root", flags->server.import_root, "Folder below which ImportDataset may read; none: off");
  app->add_option("--threads", flags->threads, "Threads of one computation (default: all processors)")
      ->check(CLI::Range(1, 4096));
  app->add_option("--jobs-per-device", flags->server.limits.running_jobs_per_device,
                  "Jobs that run at the same time on one device")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app->add_option("--max-dataset-bytes", flags->max_dataset_bytes,
                  "Largest data set, and all uploads together (default: half of the memory)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 50));
  app->add_option("--resident-bytes", flags->resident_bytes,
                  "Data sets kept in memory between jobs (default: a quarter of the memory)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 50));
  app->add_option("--max-queued-jobs", flags->server.limits.max_queued_jobs, "Most jobs that wait")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app->add_option("--log-format", flags->log_format, "json or text, on stderr")->capture_default_str();
  app->add_option("--log-level", flags->log_level, "debug, info, warning, error or off")->capture_default_str();
  app->add_option("--drain-seconds", flags->drain_seconds,
                  "On SIGTERM: how long running jobs may go on before they are put back into the queue")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app->add_flag("--insecure", flags->server.insecure,
                "Allow an address that is not loopback, without encryption and authentication");
  app->add_option("--healthcheck", flags->healthcheck,
                  "Ask the server at this address whether it serves, and exit with 0 or 1");
}

int Fail(const absl::Status& status) {
  std::cerr << "cvxnn-server: " << status.message() << std::endl;
  return EXIT_FAILURE;
}

int Serve(const Flags& flags, const sigset_t& signals) {
  if (!flags.http.empty()) {
    const absl::Status loopback = cvxnn::server::CheckListenAddress(flags.http, flags.server.insecure, "http");
    if (!loopback.ok()) return Fail(loopback);
  }
  auto server = Server::Start(flags.server);
  if (!server.ok()) return Fail(server.status());
  std::unique_ptr<HttpServer> http;
  if (!flags.http.empty()) {
    auto started = HttpServer::Start(flags.http, [&server] { return (*server)->ready(); });
    if (!started.ok()) return Fail(started.status());
    http = *std::move(started);
    std::cout << "http listening on " << http->address() << std::endl;
  }
  std::cout << "listening on " << (*server)->address() << std::endl;
  LogEvent(LogLevel::kInfo, "server started",
           {{"version", std::string(CVXNN_VERSION)},
            {"address", (*server)->address()},
            {"data_dir", flags.server.data_dir}});

  int signal = 0;
  sigwait(&signals, &signal);
  LogEvent(LogLevel::kInfo, "draining",
           {{"signal", std::string(strsignal(signal))}, {"drain_seconds", flags.drain_seconds}});
  // A second signal ends the process at once: everything acknowledged is on disk.
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    _exit(128 + second);
  }).detach();
  (*server)->Shutdown(absl::Now() + absl::Seconds(flags.drain_seconds));
  http.reset();
  server->reset();
  LogEvent(LogLevel::kInfo, "server stopped");
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("cvxnn-server trains two-layer ReLU networks as a service.");
  Declare(&flags, &app);
  CLI11_PARSE(app, argc, argv);
  if (!flags.healthcheck.empty()) {
    const absl::Status healthy = cvxnn::server::CheckHealth(flags.healthcheck);
    return healthy.ok() ? EXIT_SUCCESS : Fail(healthy);
  }
  // Blocked before any thread starts, so that only sigwait receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  cvxnn::WaitPassively(argv);
  cvxnn::KeepFreedMemory();
  if (flags.server.data_dir.empty()) return Fail(absl::InvalidArgumentError("--data-dir is required"));
  if (absl::Status status = cvxnn::server::SetUpLog(flags.log_format, flags.log_level); !status.ok()) {
    return Fail(status);
  }
  SizeByMachine(flags, &flags.server);
  return Serve(flags, signals);
}
