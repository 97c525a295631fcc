// SPDX-License-Identifier: Apache-2.0
// See control_groups.h; the files are described in the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1.
#include "core/torch/control_groups.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cvxnn {
namespace {

void AddGroups(int version, const std::string& mount, std::string group, std::vector<ControlGroup>* groups) {
  for (;;) {
    groups->push_back({version, absl::StrCat(mount, group)});
    const auto slash = group.find_last_of('/');
    if (slash == std::string::npos) return;
    group.resize(slash);
  }
}

}  // namespace

std::vector<ControlGroup> ControlGroupsOf(const std::string& controller, const std::string& root) {
  std::vector<ControlGroup> groups;
  // Lines are "number:controllers:path"; version 2 has no controllers.
  std::ifstream lines(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(lines, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
    if (fields[1].empty()) AddGroups(2, root + "/sys/fs/cgroup", fields[2], &groups);
    if (std::find(controllers.begin(), controllers.end(), controller) != controllers.end()) {
      AddGroups(1, absl::StrCat(root, "/sys/fs/cgroup/", controller), fields[2], &groups);
    }
  }
  return groups;
}

}  // namespace cvxnn
