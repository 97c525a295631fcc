// SPDX-License-Identifier: Apache-2.0
// Loads of calls and connections: clients that submit and cancel, connections that say nothing, a long queue.
#include <absl/strings/str_format.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/load/loads.h"
#include "bench/load/watcher.h"
#include "bench/measure.h"
#include "bench/must.h"

namespace cvxnn::bench {
namespace {

constexpr int kThreads = 50;  // of the caller, each with some of the clients' connections

v1::JobSpec Endless(LoadedServer& server) { return server.PacedJob(1e6); }

void PrintCalls(const char* what, const std::vector<double>& seconds, double over) {
  Line(what, absl::StrFormat("%d, %.0f a second; p50 %.1f ms, p99 %.1f ms", seconds.size(),
                             static_cast<double>(seconds.size()) / over, 1e3 * Quantile(seconds, 0.5),
                             1e3 * Quantile(seconds, 0.99)));
}

int HalfOpen(const std::string& address) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  Require(connect(connection, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0, "cannot connect");
  constexpr char kHalf[] = "PRI * HTTP";
  Require(send(connection, kHalf, sizeof kHalf - 1, MSG_NOSIGNAL) > 0, "cannot send");
  return connection;
}

std::vector<double> Ask(LoadedServer& server, const std::string& job, int times) {
  std::vector<double> seconds;
  for (int i = 0; i < times; ++i) {
    const Stopwatch watch;
    server.Get(job);
    seconds.push_back(watch.seconds());
  }
  return seconds;
}

// `period`: seconds between two jobs of one client; 0: as fast as they are answered.
void Churn(LoadedServer& server, const LoadSizes& sizes, double period) {
  const v1::JobSpec spec = server.PacedJob(sizes.seconds);
  const JobClock clock(server);
  const v1::Job running = server.Create(spec);
  std::cout << sizes.clients << " clients that submit and cancel, "
            << (period > 0 ? absl::StrFormat("each once in %g s", period) : "as fast as they are answered")
            << ", beside a running job\n";
  std::atomic<bool> ended = false;
  std::mutex mutex;
  std::vector<double> created, cancelled;
  std::atomic<int> refused = 0;
  const auto client = [&](int count) {
    std::vector<std::unique_ptr<v1::JobService::Stub>> stubs;
    for (int i = 0; i < count; ++i) stubs.push_back(v1::JobService::NewStub(OwnConnection(server.address())));
    v1::CreateJobRequest create;
    *create.mutable_job()->mutable_spec() = spec;
    std::vector<double> my_created, my_cancelled;
    while (!ended) {
      const Stopwatch round;
      for (const auto& stub : stubs) {
        v1::Job job;
        const Stopwatch creating;
        grpc::ClientContext create_context;
        if (!stub->CreateJob(&create_context, create, &job).ok()) {
          ++refused;
          continue;
        }
        my_created.push_back(creating.seconds());
        v1::CancelJobRequest cancel;
        cancel.set_name(job.name());
        const Stopwatch cancelling;
        grpc::ClientContext cancel_context;
        if (stub->CancelJob(&cancel_context, cancel, &job).ok()) my_cancelled.push_back(cancelling.seconds());
        // One that began since, because the running job has ended, is cancelled in a moment.
        refused += !ended && job.state() != v1::JOB_STATE_CANCELLED;
      }
      while (!ended && round.seconds() < period) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const std::lock_guard<std::mutex> lock(mutex);
    created.insert(created.end(), my_created.begin(), my_created.end());
    cancelled.insert(cancelled.end(), my_cancelled.begin(), my_cancelled.end());
  };
  const Stopwatch watch;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(client, std::max(1, sizes.clients / kThreads));
  const v1::Job done = server.WaitForEnd(running.name());
  const double over = watch.seconds();
  ended = true;
  threads.clear();
  PrintCalls("jobs submitted", created, over);
  PrintCalls("jobs cancelled", cancelled, over);
  Line("refused, or not cancelled", absl::StrFormat("%d", refused.load()));
  Line("memory", absl::StrFormat("%.0f MiB", server.memory()));
  SlowDown(server, spec, done, clock);
}

}  // namespace

void LoadChurn(LoadedServer& server, const LoadSizes& sizes) {
  Churn(server, sizes, 1);
  Churn(server, sizes, 0);
}

void LoadHalfOpen(LoadedServer& server, const LoadSizes& sizes) {
  constexpr int kCalls = 300;
  const v1::JobSpec spec = server.PacedJob(sizes.seconds / 2);
  const JobClock clock(server);
  const v1::Job running = server.Create(spec);
  std::cout << sizes.half_open << " connections that stay half open\n";
  const std::vector<double> before = Ask(server, running.name(), kCalls);
  std::vector<int> connections;
  for (int i = 0; i < sizes.half_open; ++i) connections.push_back(HalfOpen(server.address()));
  const std::vector<double> beside = Ask(server, running.name(), kCalls);
  Line("GetJob",
       absl::StrFormat("p50 %.2f ms, p99 %.2f ms; without them %.2f and %.2f", 1e3 * Quantile(beside, 0.5),
                       1e3 * Quantile(beside, 0.99), 1e3 * Quantile(before, 0.5), 1e3 * Quantile(before, 0.99)));
  Line("memory", absl::StrFormat("%.0f MiB", server.memory()));
  SlowDown(server, spec, server.WaitForEnd(running.name()), clock);
  const Stopwatch watch;
  for (const int connection : connections) {
    char byte = 0;
    while (recv(connection, &byte, 1, 0) > 0) {
    }
    close(connection);
  }
  Line("closed by the server", absl::StrFormat("all of them, %.1f s later", watch.seconds()));
}

void LoadQueue(LoadedServer& server, const LoadSizes& sizes) {
  std::cout << sizes.queued << " queued jobs\n";
  const v1::Job running = server.Create(Endless(server));
  const double idle = server.memory();
  const v1::JobSpec spec = server.PacedJob(1);
  std::atomic<int> left = sizes.queued;
  std::mutex mutex;
  std::vector<std::string> names;
  const Stopwatch creating;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        while (left-- > 0) {
          const std::string name = server.Create(spec).name();
          const std::lock_guard<std::mutex> lock(mutex);
          names.push_back(name);
        }
      });
    }
  }
  Line("submitted", absl::StrFormat("%d in %.1f s, %.0f a second", names.size(), creating.seconds(),
                                    static_cast<double>(names.size()) / creating.seconds()));
  Line("memory", absl::StrFormat("%.0f MiB, %.1f KiB for each", server.memory(),
                                 (server.memory() - idle) * 1024 / static_cast<double>(names.size())));
  const std::vector<double> asked = Ask(server, names.back(), 300);
  Line("GetJob of one of them",
       absl::StrFormat("p50 %.2f ms, p99 %.2f ms", 1e3 * Quantile(asked, 0.5), 1e3 * Quantile(asked, 0.99)));
  v1::ListJobsRequest list;
  list.set_page_size(1000);
  std::size_t listed = 0;
  const Stopwatch listing;
  do {
    grpc::ClientContext context;
    v1::ListJobsResponse page;
    Require(server.jobs().ListJobs(&context, list, &page).ok(), "ListJobs");
    listed += static_cast<std::size_t>(page.jobs_size());
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  Line("listed", absl::StrFormat("%d in %.2f s", listed, listing.seconds()));
  const Stopwatch cancelling;
  {
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (std::size_t k = next++; k < names.size(); k = next++) server.Cancel(names[k]);
      });
    }
  }
  Line("cancelled", absl::StrFormat("in %.1f s", cancelling.seconds()));
  server.Cancel(running.name());
}

}  // namespace cvxnn::bench
