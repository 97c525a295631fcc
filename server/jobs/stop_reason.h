// SPDX-License-Identifier: Apache-2.0
// Why a running job is asked to stop.
#pragma once

namespace cvxnn::server {

enum class StopReason {
  kNone,
  kDrain,   ///< the server ends: back into the queue, for the next start
  kPause,   ///< somebody paused it: it waits until it is resumed
  kCancel,  ///< somebody cancelled it
};

}  // namespace cvxnn::server
