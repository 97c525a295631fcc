// SPDX-License-Identifier: Apache-2.0
// Joins the library's watch of many jobs with a board and a display.
#include "client/cpp/command/watch_many.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <iostream>

#include "client/cpp/command/interrupt.h"
#include "client/cpp/command/job_report.h"
#include "client/cpp/command/jobs_display.h"
#include "client/cpp/command/terminal.h"

namespace cvxnn::command {
namespace {

std::unique_ptr<JobsDisplay> MakeDisplay(const Context& context) {
  if (context.json()) return MakeJsonJobsDisplay(std::cout);
  if (!OutputIsTerminal()) return MakePlainJobsDisplay(std::cout);
  return MakeTerminalJobsDisplay(std::cout, absl::Now, [] { return TerminalSize{TerminalHeight(), TerminalWidth()}; });
}

ExitStatus StatusOfEndedJobs(const JobBoard& board) {
  ExitStatus status = kSuccess;
  for (const v1::Job& job : board.Sorted()) {
    const ExitStatus one = StatusOfEndedJob(job);
    if (one == kFailure) return kFailure;
    if (one != kSuccess) status = one;
  }
  return status;
}

}  // namespace

ExitStatus WatchMany(const Context& context, const client::Client& client, const v1::JobFilter& filter,
                     bool until_ended) {
  const InterruptGuard interrupt;
  const std::unique_ptr<JobsDisplay> display = MakeDisplay(context);
  JobBoard board;
  client::WatchJobsOptions options;
  options.filter = filter;
  options.stop = interrupt.token();
  const bool live = !context.json() && OutputIsTerminal();
  options.heartbeat_interval = absl::Seconds(live ? 2 : 10);
  options.min_interval = live ? absl::Milliseconds(250) : absl::Seconds(1);
  options.on_interruption = [&](const client::Interruption& interruption) {
    board.ConnectionLost();
    display->OnInterruption(board, interruption);
  };
  const absl::Status status = client.WatchJobs(options, [&](const v1::WatchJobsResponse& response) {
    const JobBoard::Change change = board.Update(response);
    display->OnChange(board, change);
    return !(until_ended && board.synchronized() && board.AllEnded());
  });
  display->Close(board);
  if (options.stop.stop_requested()) return kInterrupted;
  return status.ok() ? StatusOfEndedJobs(board) : Fail(context, status);
}

}  // namespace cvxnn::command
