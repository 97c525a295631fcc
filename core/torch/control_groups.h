// SPDX-License-Identifier: Apache-2.0
// The control groups around this process, which bound what a container may use.
#pragma once

#include <string>
#include <vector>

namespace cvxnn {

struct ControlGroup {
  int version = 2;     ///< 1 or 2: what its files are called
  std::string folder;  ///< where its files lie
};

/// The groups that may bound `controller` ("memory", "cpu"), each with all groups around it up to the mount. Folders
/// need not exist: inside a container a group's path may be that of the host, whose upper part is not mounted, and the
/// mount itself is then the container's own group. `root` stands before every path read; "" but in tests.
std::vector<ControlGroup> ControlGroupsOf(const std::string& controller, const std::string& root);

}  // namespace cvxnn
