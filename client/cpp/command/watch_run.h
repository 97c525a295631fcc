// SPDX-License-Identifier: Apache-2.0
// Watching a job to its end, for `job watch` and `job submit --watch`.
#pragma once

#include <cstdint>

#include "client/cpp/client.h"
#include "client/cpp/command/context.h"

namespace cvxnn::command {

struct WatchFlags {
  std::int64_t from = 0;     ///< last record already known
  bool every_epoch = false;  ///< print every epoch where lines are printed
};

/// Shows the log of `job` after flags.from, then what came of it; Ctrl-C detaches and leaves the job alone.
/// With --output json the last line is {"event": "end", fields of Job}.
ExitStatus WatchToEnd(const Context& context, const client::Client& client, const v1::Job& job,
                      const WatchFlags& flags);

}  // namespace cvxnn::command
