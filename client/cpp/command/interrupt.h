// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a stop token, while one of these lives; a second Ctrl-C ends the process at once.
#pragma once

#include <stop_token>
#include <thread>

namespace cvxnn::command {

/// At most one at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  bool interrupted() const { return source_.stop_requested(); }

 private:
  std::stop_source source_;
  int pipe_[2] = {-1, -1};
  std::thread waiter_;
};

}  // namespace cvxnn::command
