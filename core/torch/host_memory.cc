// SPDX-License-Identifier: Apache-2.0
// Memory of the machine and of the control groups around this process; see host_memory.h. The files are described in
// the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
#include "core/torch/host_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "absl/strings/str_split.h"

namespace cvxnn {
namespace {

// One version of control groups: where its tree is mounted and what its files are called.
struct Hierarchy {
  std::string mount;
  std::string limit;
  std::string usage;
  std::string cache;  // key in memory.stat: file pages that can be dropped
};

const Hierarchy kVersion1{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                          "total_inactive_file"};
const Hierarchy kVersion2{"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

// The number a file holds; none when it is absent or says "max".
std::optional<std::int64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value && value >= 0) return value;
  return std::nullopt;
}

// The value of `key` in lines "key value …"; 0 when it is not there.
std::int64_t ReadKey(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::int64_t value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return 0;
}

void ApplyGroup(const Hierarchy& hierarchy, const std::string& folder, HostMemory* memory) {
  const auto limit = ReadNumber(folder + "/" + hierarchy.limit);
  const auto usage = ReadNumber(folder + "/" + hierarchy.usage);
  // Version 1 says "no limit" by a number larger than any memory, which changes nothing below.
  if (!limit || !usage) return;
  const std::int64_t cache = std::min(*usage, ReadKey(folder + "/memory.stat", hierarchy.cache));
  const std::int64_t left = std::max<std::int64_t>(0, *limit - (*usage - cache));
  memory->total_bytes = std::min(memory->total_bytes, *limit);
  memory->available_bytes = std::min(memory->available_bytes, left);
}

// Inside a container the group's path may be that of the host, whose upper part is not mounted: folders that are not
// there say nothing, and the walk ends at the mount itself, which is then the container's own group.
void ApplyGroups(const std::string& root, const Hierarchy& hierarchy, std::string group, HostMemory* memory) {
  while (true) {
    ApplyGroup(hierarchy, root + hierarchy.mount + group, memory);
    const auto slash = group.find_last_of('/');
    if (slash == std::string::npos) return;
    group.resize(slash);
  }
}

}  // namespace

HostMemory MeasureHostMemory(const std::string& root) {
  HostMemory memory;
  memory.total_bytes = 1024 * ReadKey(root + "/proc/meminfo", "MemTotal:");
  memory.available_bytes = 1024 * ReadKey(root + "/proc/meminfo", "MemAvailable:");
  // Lines are "number:controllers:path"; version 2 has number 0 and no controllers.
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
    if (fields[1].empty()) ApplyGroups(root, kVersion2, fields[2], &memory);
    if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      ApplyGroups(root, kVersion1, fields[2], &memory);
    }
  }
  return memory;
}

}  // namespace cvxnn
