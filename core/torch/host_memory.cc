// SPDX-License-Identifier: Apache-2.0
// Memory of the machine and of the control groups around this process; see host_memory.h. The files are described in
// the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
#include "core/torch/host_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "core/torch/control_groups.h"

namespace cvxnn {
namespace {

// What a version of control groups calls its files.
struct Names {
  const char* limit;
  const char* usage;
  const char* cache;  // key in memory.stat: file pages that can be dropped
};

constexpr Names kVersion1{"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"};
constexpr Names kVersion2{"/memory.max", "/memory.current", "inactive_file"};

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

void ApplyGroup(const ControlGroup& group, HostMemory* memory) {
  const Names& names = group.version == 1 ? kVersion1 : kVersion2;
  const auto limit = ReadNumber(group.folder + names.limit);
  const auto usage = ReadNumber(group.folder + names.usage);
  // Version 1 says "no limit" by a number larger than any memory, which changes nothing below.
  if (!limit || !usage) return;
  const std::int64_t cache = std::min(*usage, ReadKey(group.folder + "/memory.stat", names.cache));
  const std::int64_t left = std::max<std::int64_t>(0, *limit - (*usage - cache));
  memory->total_bytes = std::min(memory->total_bytes, *limit);
  memory->available_bytes = std::min(memory->available_bytes, left);
}

}  // namespace

HostMemory MeasureHostMemory(const std::string& root) {
  HostMemory memory;
  memory.total_bytes = 1024 * ReadKey(root + "/proc/meminfo", "MemTotal:");
  memory.available_bytes = 1024 * ReadKey(root + "/proc/meminfo", "MemAvailable:");
  for (const ControlGroup& group : ControlGroupsOf("memory", root)) ApplyGroup(group, &memory);
  return memory;
}

}  // namespace cvxnn
