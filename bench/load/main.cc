// SPDX-License-Identifier: Apache-2.0
// cvxnn-load: starts a cvxnn-server with an empty data directory, puts it under load, prints, and leaves nothing
// behind.
#include <absl/strings/str_format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/loads.h"
#include "bench/must.h"
#include "server/open_files.h"

namespace cvxnn::bench {

void Line(const char* what, const std::string& value) {
  std::cout << absl::StrFormat("  %-28s%s", what, value) << std::endl;
}

void SlowDown(const LoadedServer& server, const v1::JobSpec& spec, const v1::Job& job, const JobClock& clock) {
  const double rate = RateOf(job, spec.descent().reports().every_epochs());
  const LoadedServer::ThreadTime time = clock.time();
  const double of_run = rate * job.latest().seconds() / time.ran;
  Line("the job", absl::StrFormat("%.0f epochs a second, %.0f undisturbed: %.1f %% slower", rate,
                                  server.undisturbed_rate(), 100 * (1 - rate / server.undisturbed_rate())));
  Line("its thread", absl::StrFormat("ran %.1f s, waited %.1f s for a core; %.1f %% slower while it ran", time.ran,
                                     time.waited, 100 * (1 - of_run / server.undisturbed_rate_of_run())));
}

}  // namespace cvxnn::bench

namespace {
// Clients are on other machines as a rule: here they get what the server leaves, however many threads they have.
// Threads made later inherit it.
void RunWhenIdle() {
  const sched_param none{};
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const pid_t thread = std::stoi(task.path().filename());
    cvxnn::bench::Require(sched_setscheduler(thread, SCHED_IDLE, &none) == 0, "cannot lower the clients' priority");
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace cvxnn::bench;
  std::string server = std::filesystem::read_symlink("/proc/self/exe").replace_filename("cvxnn-server");
  LoadSizes sizes;
  std::vector<std::string> only;
  const std::vector<std::pair<std::string, void (*)(LoadedServer&, const LoadSizes&)>> loads = {
      {"watchers", LoadWatchers},
      {"slow", LoadSlowReaders},
      {"churn", LoadChurn},
      {"half-open", LoadHalfOpen},
      {"queue", LoadQueue}};
  CLI::App app("Puts a cvxnn-server on loopback under load.");
  app.add_option("--server", server, "The server's binary")->capture_default_str();
  app.add_option("--only", only, "watchers, slow, churn, half-open, queue");
  app.add_option("--watchers", sizes.watchers, "Watchers of one job")
      ->capture_default_str()
      ->check(CLI::Range(1, 5000));
  app.add_option("--clients", sizes.clients, "Clients that submit and cancel")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--queued", sizes.queued, "Jobs in the queue")->capture_default_str()->check(CLI::Range(1, 10000));
  app.add_option("--seconds", sizes.seconds, "Of each load, about")->capture_default_str()->check(CLI::Range(1, 60));
  CLI11_PARSE(app, argc, argv);
  cvxnn::server::RaiseOpenFiles();
  std::string folder = (std::filesystem::temp_directory_path() / "cvxnn-load-XXXXXX").string();
  int status = EXIT_SUCCESS;
  try {
    Require(mkdtemp(folder.data()) != nullptr, "cannot create " + folder);
    LoadedServer loaded(server, folder);
    RunWhenIdle();
    for (const auto& [name, load] : loads) {
      if (only.empty() || std::find(only.begin(), only.end(), name) != only.end()) load(loaded, sizes);
    }
  } catch (const std::exception& error) {
    std::cerr << "cvxnn-load: " << error.what() << std::endl;
    status = EXIT_FAILURE;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status;
}
