// SPDX-License-Identifier: Apache-2.0
// The program cvxnn-server: signals, and the one line on stdout that says where it listens.
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "core/torch/runtime.h"
#include "server/flags.h"
#include "server/healthcheck.h"
#include "server/log/log.h"
#include "server/metrics/server_metrics.h"
#include "server/open_files.h"
#include "server/security/principals.h"
#include "server/security/security.h"
#include "server/security/token.h"
#include "server/server.h"
#include "server/web/http_server.h"

namespace {

using cvxnn::server::Flags;
using cvxnn::server::HttpServer;
using cvxnn::server::LogEvent;
using cvxnn::server::LogLevel;
using cvxnn::server::Server;

int Fail(const absl::Status& status) {
  std::cerr << "cvxnn-server: " << status.message() << std::endl;
  return EXIT_FAILURE;
}

// As Fail, of flags and settings.
int Misused(const absl::Status& status) {
  Fail(status);
  return cvxnn::server::kUsageStatus;
}

// "NAME:ROLE" -> the token, for the principal alone, and the line of the principals file, which does not tell it.
int MakeToken(const std::string& who) {
  const std::size_t colon = who.rfind(':');
  const std::string name = who.substr(0, colon);
  const auto role = cvxnn::server::RoleNamed(colon == std::string::npos ? "" : who.substr(colon + 1));
  if (!role.has_value()) {
    return Misused(absl::InvalidArgumentError("--new-token: must be NAME:ROLE, ROLE one of reader, submitter, admin"));
  }
  if (absl::Status status = cvxnn::server::CheckPrincipalName(name); !status.ok()) return Misused(status);
  const std::string token = cvxnn::server::NewToken();
  std::cout << "token (for " << name << "; it cannot be shown again):\n"
            << token << "\nline for the principals file:\n"
            << cvxnn::server::PrincipalLine({name, *role}, token) << std::endl;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}

absl::Status CheckHttp(const Flags& flags) {
  if (flags.http.empty()) return absl::OkStatus();
  return cvxnn::server::CheckPlainAddress(flags.http, flags.server.security.insecure, "http");
}

// All that can be known without opening the data directory or a port, which a server that runs may have.
int CheckConfiguration(const Flags& flags) {
  if (absl::Status http = CheckHttp(flags); !http.ok()) return Fail(http);
  const auto guarded = cvxnn::server::Guard(flags.server.listen, flags.server.security);
  if (!guarded.ok()) return Fail(guarded.status());
  std::cout << "cvxnn-server: the configuration is valid" << std::endl;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}

int Serve(const Flags& flags, const sigset_t& signals) {
  if (absl::Status http = CheckHttp(flags); !http.ok()) return Fail(http);
  const std::int64_t open_files = cvxnn::server::RaiseOpenFiles();
  auto server = Server::Start(flags.server);
  if (!server.ok()) return Fail(server.status());
  std::unique_ptr<HttpServer> http;
  if (!flags.http.empty()) {
    auto started =
        HttpServer::Start(flags.http, {[&server] { return (*server)->ready(); },
                                       [&server] { return (*server)->Metrics(); }, cvxnn::server::kMetricsContentType});
    if (!started.ok()) return Fail(started.status());
    http = *std::move(started);
    std::cout << "http listening on " << http->address() << std::endl;
  }
  std::cout << "listening on " << (*server)->address() << std::endl;
  LogEvent(LogLevel::kInfo, "server started",
           {{"version", std::string(CVXNN_VERSION)},
            {"address", (*server)->address()},
            {"open_files", open_files},
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
  app.footer("Exit status: 0 success, 1 refused or failed, 2 wrong flags or settings.");
  app.set_version_flag("--version", std::string("cvxnn-server ") + CVXNN_VERSION);
  AddFlags(&app, &flags);
  cvxnn::server::AddOtherSources(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return Misused(
        absl::InvalidArgumentError(absl::StrCat(cvxnn::server::UsageFault(app, error), "\nSee cvxnn-server --help")));
  }
  if (!flags.new_token.empty()) return MakeToken(flags.new_token);
  if (!flags.healthcheck.empty()) {
    const absl::Status healthy = cvxnn::server::CheckHealth(flags.healthcheck, flags.server.security);
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
  if (absl::Status status = CompleteFlags(&flags); !status.ok()) return Misused(status);
  if (absl::Status status = cvxnn::server::SetUpLog(flags.log_format, flags.log_level); !status.ok()) {
    return Misused(status);
  }
  if (flags.check_config) return CheckConfiguration(flags);
  return Serve(flags, signals);
}
