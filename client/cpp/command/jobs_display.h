// SPDX-License-Identifier: Apache-2.0
// What many watched jobs look like: a table that changes in place on a terminal, a line for every change in a pipe, or
// JSON objects for scripts.
#pragma once

#include <memory>
#include <ostream>

#include "client/cpp/command/job_board.h"
#include "client/cpp/command/watch_display.h"
#include "client/cpp/resumable_stream.h"

namespace cvxnn::command {

/// Shows a board after each of its changes. Not thread-safe.
class JobsDisplay {
 public:
  virtual ~JobsDisplay() = default;
  virtual void OnChange(const JobBoard& board, const JobBoard::Change& change) = 0;
  virtual void OnInterruption(const JobBoard& board, const client::Interruption& interruption) = 0;
  /// Nothing more comes: shows the board as it is and leaves the cursor on a fresh line.
  virtual void Close(const JobBoard& board) = 0;
};

/// Rows and columns that a terminal has at the moment of the call.
struct TerminalSize {
  int rows = 24;
  int columns = 80;
};
using SizeOfTerminal = std::function<TerminalSize()>;

/// A table of as many jobs as the terminal has rows for, drawn at most ten times a second.
std::unique_ptr<JobsDisplay> MakeTerminalJobsDisplay(std::ostream& out, Now now, SizeOfTerminal size);
/// "jobs/3f2a: running  epoch 12/100  objective 3.1  1.0 s", "jobs/3f2a: deleted".
std::unique_ptr<JobsDisplay> MakePlainJobsDisplay(std::ostream& out);
/// {"event": "job", fields of Job}, {"event": "deleted", "name": …}, and {"event": "synchronized"} once every job that
/// matched has been told.
std::unique_ptr<JobsDisplay> MakeJsonJobsDisplay(std::ostream& out);

}  // namespace cvxnn::command
