// SPDX-License-Identifier: Apache-2.0
// Joins the resumable watch of the library with a display.
#include "client/cpp/command/watch_run.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include <iostream>

#include "client/cpp/command/humanize.h"
#include "client/cpp/command/interrupt.h"
#include "client/cpp/command/job_report.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/command/terminal.h"
#include "client/cpp/command/watch_display.h"

namespace cvxnn::command {
namespace {

std::unique_ptr<WatchDisplay> MakeDisplay(const Context& context, const v1::Job& job, const WatchFlags& flags) {
  if (context.json()) return MakeJsonDisplay(job, flags.from, std::cout);
  if (OutputIsTerminal() && !flags.every_epoch) return MakeTerminalDisplay(job, std::cout, absl::Now);
  return MakePlainDisplay(job, flags.every_epoch, std::cout, absl::Now);
}

ExitStatus Detached(const Context& context, const std::string& job, std::int64_t sequence) {
  if (context.json()) {
    std::cerr << JsonLine({{"detached", job}, {"sequence", sequence}});
    return kInterrupted;
  }
  const std::string id(absl::StripPrefix(job, "jobs/"));
  std::cerr << "detached: " << job << " goes on\n"
            << "  watch it again  cvxnn job watch " << id << " --from " << sequence << "\n"
            << "  end it          cvxnn job cancel " << id << "\n";
  return kInterrupted;
}

}  // namespace

ExitStatus WatchToEnd(const Context& context, const client::Client& client, const v1::Job& job,
                      const WatchFlags& flags) {
  const InterruptGuard interrupt;
  const std::unique_ptr<WatchDisplay> display = MakeDisplay(context, job, flags);
  std::int64_t sequence = flags.from;
  client::WatchJobOptions options;
  options.after_sequence = flags.from;
  options.stop = interrupt.token();
  options.heartbeat_interval = absl::Seconds(OutputIsTerminal() ? 2 : 10);  // a terminal's clock should not stand still
  options.on_interruption = [&](const client::Interruption& interruption) { display->OnInterruption(interruption); };
  const absl::StatusOr<v1::Job> ended = client.WatchJob(job.name(), options, [&](const v1::WatchJobResponse& response) {
    sequence = response.sequence();
    display->OnEvent(response);
    return true;
  });
  display->Close();
  if (!ended.ok()) {
    return options.stop.stop_requested() ? Detached(context, job.name(), sequence) : Fail(context, ended.status());
  }
  if (context.json()) {
    nlohmann::ordered_json line = {{"event", "end"}};
    line.update(MessageToJson(*ended));
    PrintJsonLine(line);
  } else if (!context.quiet) {
    PrintOutcome(*ended, std::cout);
  }
  if (ended->state() == v1::JOB_STATE_FAILED) {
    return Fail(context, absl::Status(static_cast<absl::StatusCode>(ended->error().code()), ended->error().message()));
  }
  return StatusOfEndedJob(*ended);
}

}  // namespace cvxnn::command
