// SPDX-License-Identifier: Apache-2.0
// How many processors this process may really use: those it may run on, or less inside a container with a quota.
#pragma once

#include <string>

namespace cvxnn::server {

/// The processors of the process's affinity mask, bounded by the tightest quota of its control groups (versions 1 and
/// 2; half a processor counts as one). At least 1. `root` stands in front of every path: tests give a folder.
int UsableProcessors(const std::string& root = "");

}  // namespace cvxnn::server
