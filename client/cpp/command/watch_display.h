// SPDX-License-Identifier: Apache-2.0
// What a watched job looks like: one changing line on a terminal, plain lines in a pipe, or JSON objects for scripts.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>

#include "client/cpp/command/progress.h"
#include "client/cpp/resumable_stream.h"
#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::command {

/// Shows the events of one watch, in the order they arrive. Not thread-safe.
class WatchDisplay {
 public:
  virtual ~WatchDisplay() = default;
  virtual void OnEvent(const v1::WatchJobResponse& response) = 0;
  virtual void OnInterruption(const client::Interruption& interruption) = 0;
  /// Nothing more comes: shows what was held back and leaves the cursor on a fresh line.
  virtual void Close() = 0;
};

using Now = std::function<absl::Time()>;

/// "connection lost, trying again (why)".
std::string InterruptionText(const client::Interruption& interruption);

/// At most ten updates a second.
std::unique_ptr<WatchDisplay> MakeTerminalDisplay(const v1::Job& job, std::ostream& out, Now now);
/// About one epoch a second, and always the first and the last; all of them with `every_epoch`.
std::unique_ptr<WatchDisplay> MakePlainDisplay(const v1::Job& job, bool every_epoch, std::ostream& out, Now now);
/// One line for every record: {"event": "state" or "epoch", "sequence": …, "attempt": …, fields of StateChange or
/// EpochMetrics}. `after_sequence`: where the watch starts. In the midst of the log of a job that ran more than once,
/// "attempt" is absent until a change of state tells it.
std::unique_ptr<WatchDisplay> MakeJsonDisplay(const v1::Job& job, std::int64_t after_sequence, std::ostream& out);

}  // namespace cvxnn::command
