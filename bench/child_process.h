// SPDX-License-Identifier: Apache-2.0
// A server in a process of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cvxnn::bench {

/// Starts a program that says "listening on ADDRESS" on stdout, and ends it with SIGTERM. Also ended when this process
/// dies. Construct on the main thread.
class ChildProcess {
 public:
  /// argv[0] is the path of the program. Throws when it does not start to listen.
  explicit ChildProcess(std::vector<std::string> argv);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  const std::string& address() const { return address_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace cvxnn::bench
