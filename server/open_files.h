// SPDX-License-Identifier: Apache-2.0
// How many files and connections the process may have open.
#pragma once

#include <cstdint>

namespace cvxnn::server {

/// Raises the process's own limit as far as it may (the hard limit); gives what it is then. Connections and files share
/// it: at the usual 1,024, a thousand watchers would leave none for a checkpoint.
std::int64_t RaiseOpenFiles();

}  // namespace cvxnn::server
