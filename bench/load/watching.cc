// SPDX-License-Identifier: Apache-2.0
// Loads of watchers: a thousand quick ones; a few quick ones beside slow and stalled ones.
#include <absl/strings/str_format.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/load/loads.h"
#include "bench/load/watcher.h"
#include "bench/measure.h"
#include "bench/must.h"

namespace cvxnn::bench {
namespace {

constexpr int kTimedOneIn = 20;
constexpr int kQuickBesideSlow = 10;
using Watchers = std::vector<std::unique_ptr<Watcher>>;

void Add(Watchers* watchers, const LoadedServer& server, const std::string& job, Watcher::Pace pace, int count) {
  for (int i = 0; i < count; ++i) {
    const bool timed = pace == Watcher::Pace::kQuick && watchers->size() % kTimedOneIn == 0;
    watchers->push_back(std::make_unique<Watcher>(server.address(), job, pace, timed));
  }
}

// Waits for all; prints what came, and what did not. Gives the number of events.
std::int64_t Report(const Watchers& watchers, std::int64_t expected, double begun) {
  std::int64_t records = 0, missing = 0, messages = 0, incomplete = 0;
  std::vector<double> lags;
  for (const auto& watcher : watchers) {
    const grpc::Status status = watcher->Wait();
    Require(status.ok(), "a watcher's stream ended: " + status.error_message());
    records += watcher->records();
    missing += watcher->missing();
    messages += watcher->messages();
    incomplete += watcher->records() != expected || !watcher->ended();
    lags.insert(lags.end(), watcher->lags().begin(), watcher->lags().end());
  }
  const double seconds = Now() - begun;
  Line("events delivered", absl::StrFormat("%d in %.1f s, %.0f a second, %.1f a message", records, seconds,
                                           static_cast<double>(records) / seconds,
                                           static_cast<double>(records) / static_cast<double>(messages)));
  Line("events lost",
       absl::StrFormat("%d; watchers without the whole log: %d of %d", missing, incomplete, watchers.size()));
  if (lags.empty()) return records;
  // The clocks of server and client differ by what the quickest delivery took.
  const double least = Least(lags);
  Line("delay over the quickest",
       absl::StrFormat("p50 %.1f ms, p99 %.1f ms, most %.1f ms", 1e3 * (Quantile(lags, 0.5) - least),
                       1e3 * (Quantile(lags, 0.99) - least), 1e3 * (Quantile(lags, 1) - least)));
  return records;
}

}  // namespace

void LoadWatchers(LoadedServer& server, const LoadSizes& sizes) {
  const v1::JobSpec spec = server.PacedJob(sizes.seconds);
  std::cout << sizes.watchers << " watchers of a job of " << absl::StrFormat("%.0f", server.undisturbed_rate())
            << " epochs a second\n";
  // They wait for a job in the queue, so that all of them see its first epoch.
  const v1::Job before = server.Create(server.PacedJob(1e6));
  const v1::Job job = server.Create(spec);
  Watchers watchers;
  const double idle = server.memory();
  Add(&watchers, server, job.name(), Watcher::Pace::kQuick, sizes.watchers);
  for (const auto& watcher : watchers) {
    while (watcher->records() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Line("memory", absl::StrFormat("%.0f MiB; %.1f KiB more for each watcher", server.memory(),
                                 (server.memory() - idle) * 1024 / sizes.watchers));
  const double used = server.processor_seconds();
  const double begun = Now();
  const JobClock clock(server);
  server.Cancel(before.name());
  const v1::Job ended = server.WaitForEnd(job.name());
  const double of_job = clock.time().ran;
  const std::int64_t events = Report(watchers, ended.last_sequence(), begun);
  const double of_server = server.processor_seconds() - used;
  Line("server",
       absl::StrFormat("%.1f s of processor time, %.0f MiB at most; without the job's thread %.2f µs an event",
                       of_server, server.most_memory(), 1e6 * (of_server - of_job) / static_cast<double>(events)));
  SlowDown(server, spec, ended, clock);
}

void LoadSlowReaders(LoadedServer& server, const LoadSizes& sizes) {
  const v1::JobSpec spec = server.PacedJob(sizes.seconds);
  std::cout << kQuickBesideSlow << " quick watchers beside " << sizes.slow << " slow and " << sizes.stalled
            << " stalled ones\n";
  const double idle = server.memory();
  const JobClock clock(server);
  const v1::Job job = server.Create(spec);
  Watchers quick, others;
  Add(&quick, server, job.name(), Watcher::Pace::kQuick, kQuickBesideSlow);
  Add(&others, server, job.name(), Watcher::Pace::kSlow, sizes.slow);
  Add(&others, server, job.name(), Watcher::Pace::kStalled, sizes.stalled);
  const double begun = Now();
  const v1::Job ended = server.WaitForEnd(job.name());
  Report(quick, ended.last_sequence(), begun);
  Line("memory", absl::StrFormat("%.0f MiB, %.0f before", server.memory(), idle));
  SlowDown(server, spec, ended, clock);
  for (const auto& watcher : others) watcher->LetGo();
  std::cout << "the same slow and stalled ones, let go\n";
  Report(others, ended.last_sequence(), Now());
}

}  // namespace cvxnn::bench
