// SPDX-License-Identifier: Apache-2.0
// fork and exec with a pipe for stdout.
#include "bench/child_process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "bench/must.h"

namespace cvxnn::bench {

ChildProcess::ChildProcess(std::vector<std::string> argv) {
  std::vector<char*> arguments;
  for (std::string& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends = {};
  Require(pipe(ends.data()) == 0, "cannot make a pipe");
  pid_ = fork();
  Require(pid_ >= 0, "cannot start a process");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  FILE* output = fdopen(ends[0], "r");
  const std::string prefix = "listening on ";
  std::array<char, 256> line = {};
  while (address_.empty() && fgets(line.data(), line.size(), output) != nullptr) {
    const std::string text = line.data();
    if (text.rfind(prefix, 0) == 0) address_ = text.substr(prefix.size(), text.find('\n') - prefix.size());
  }
  // It has nothing more to say; closing the pipe is no harm.
  fclose(output);
  Require(!address_.empty(), argv[0] + " did not start");
}

ChildProcess::~ChildProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace cvxnn::bench
