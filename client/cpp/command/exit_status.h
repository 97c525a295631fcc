// SPDX-License-Identifier: Apache-2.0
// What the command tells its caller by its exit status.
#pragma once

namespace cvxnn::command {

enum ExitStatus : int {
  kSuccess = 0,
  kFailure = 1,        ///< the server refused or could not be reached, or the watched job failed
  kUsage = 2,          ///< the command line or a job file is wrong; nothing was sent
  kCancelled = 3,      ///< the watched job was cancelled
  kInterrupted = 130,  ///< Ctrl-C ended a watch, whose job goes on, or a transfer, which leaves no file
};

}  // namespace cvxnn::command
