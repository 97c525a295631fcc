// SPDX-License-Identifier: Apache-2.0
// Ctrl-C requests the stop, and what it ended says so by its exit status.
#include "client/cpp/command/interrupt.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

#include "client/cpp/command/context.h"

namespace cvxnn::command {
namespace {

void InterruptAndWait(const InterruptGuard& guard) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  raise(SIGINT);
  stopped.wait(lock, guard.token(), [] { return false; });
}

TEST(InterruptGuard, TurnsASignalIntoARequestToStop) {
  const InterruptGuard guard;
  EXPECT_FALSE(guard.interrupted());
  InterruptAndWait(guard);
  EXPECT_TRUE(guard.interrupted());
}

TEST(FailTransfer, TellsAnInterruptFromAFailure) {
  const Context context;
  const InterruptGuard guard;
  const absl::Status ended = absl::CancelledError("the transfer was stopped");
  EXPECT_EQ(FailTransfer(context, guard, ended), kFailure);
  InterruptAndWait(guard);
  EXPECT_EQ(FailTransfer(context, guard, ended), kInterrupted);
}

}  // namespace
}  // namespace cvxnn::command
