// SPDX-License-Identifier: Apache-2.0
// The `cvxnn` command.
#include "client/cpp/command/run.h"

int main(int argc, char** argv) { return cvxnn::command::Run(argc, argv); }
