// SPDX-License-Identifier: Apache-2.0
// Why a running job is asked to stop.
#pragma once

namespace cvxnn::server {

enum class StopReason {
  kNone,
  kDrain,      ///< the server ends: back into the queue, for the next start
  kPause,      ///< somebody paused it: it waits until it is resumed
  kUnwritten,  ///< its log cannot be written (a full disk): as kPause, with that for a reason
  kDeadline,   ///< its deadline passed: it fails, and its best model is kept
  kCancel,     ///< somebody cancelled it
};

/// Whether the job will end: nothing is kept for another attempt.
inline bool Ends(StopReason reason) { return reason == StopReason::kCancel || reason == StopReason::kDeadline; }

/// Whether it will be PAUSED.
inline bool Pauses(StopReason reason) { return reason == StopReason::kPause || reason == StopReason::kUnwritten; }

}  // namespace cvxnn::server
