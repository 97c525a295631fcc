// SPDX-License-Identifier: Apache-2.0
// The handler only writes one byte to a pipe (all that is safe there); a thread reads it and requests the stop.
#include "client/cpp/command/interrupt.h"

#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is not in <csignal>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace cvxnn::command {
namespace {

constexpr char kSignalled = 'i';
constexpr char kEnd = 'e';
std::atomic<int> write_end = -1;

void OnSignal(int) {
  const int saved_errno = errno;
  [[maybe_unused]] const ssize_t written = write(write_end, &kSignalled, 1);
  errno = saved_errno;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (pipe2(pipe_, O_CLOEXEC) != 0) return;  // Ctrl-C then simply ends the process
  write_end = pipe_[1];
  waiter_ = std::thread([this] {
    char byte = 0;
    while (read(pipe_[0], &byte, 1) == -1 && errno == EINTR) {
    }
    if (byte == kSignalled) source_.request_stop();
  });
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one has its usual effect
  sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  if (!waiter_.joinable()) return;
  signal(SIGINT, SIG_DFL);
  [[maybe_unused]] const ssize_t written = write(pipe_[1], &kEnd, 1);
  waiter_.join();
  close(pipe_[0]);
  close(pipe_[1]);
}

}  // namespace cvxnn::command
