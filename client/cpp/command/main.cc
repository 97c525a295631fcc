// SPDX-License-Identifier: Apache-2.0
// The `cvxnn` command.
#include <google/protobuf/stubs/logging.h>

#include <cstdlib>

#include "client/cpp/command/run.h"

int main(int argc, char** argv) {
  // What these libraries log is told by the status of the call as well; scripts read standard error as JSON.
  constexpr int kKeepWhatIsSet = 0;
  setenv("GRPC_VERBOSITY", "NONE", kKeepWhatIsSet);
  google::protobuf::SetLogHandler(nullptr);
  return cvxnn::command::Run(argc, argv);
}
