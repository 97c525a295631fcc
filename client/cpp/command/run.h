// SPDX-License-Identifier: Apache-2.0
// The whole command as a function.
#pragma once

namespace cvxnn::command {

/// Understands the command line and does what it says; answers the exit status.
int Run(int argc, const char* const* argv);

}  // namespace cvxnn::command
