// SPDX-License-Identifier: Apache-2.0
// How much memory this process may really use: the machine's, or less inside a container or a service with a limit.
#pragma once

#include <cstdint>
#include <string>

namespace cvxnn {

struct HostMemory {
  std::int64_t total_bytes = 0;      ///< the machine's memory, or the tightest limit of the process's control groups
  std::int64_t available_bytes = 0;  ///< what may still be taken without swapping and without meeting such a limit
};

/// Reads /proc/meminfo and the memory limits of control groups (versions 1 and 2) from this process's group up to the
/// root. Page cache that the kernel would give back (inactive files) counts as available. `root` stands in front of
/// every path: tests give a folder. Zeros where /proc/meminfo cannot be read.
HostMemory MeasureHostMemory(const std::string& root = "");

}  // namespace cvxnn
