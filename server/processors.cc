// SPDX-License-Identifier: Apache-2.0
// See processors.h. The files are described in the kernel's Documentation/admin-guide/cgroup-v2.rst (cpu.max: "QUOTA
// PERIOD" or "max PERIOD") and scheduler/sched-bwc.rst (version 1: a quota of -1 is none).
#include "server/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

namespace cvxnn::server {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// Processors that one group allows.
double Quota(const std::string& version_1, const std::string& version_2) {
  double quota = -1, period = 0;
  if (std::ifstream(version_2 + "/cpu.max") >> quota >> period && quota > 0 && period > 0) return quota / period;
  quota = -1;
  std::ifstream(version_1 + "/cpu.cfs_quota_us") >> quota;
  std::ifstream(version_1 + "/cpu.cfs_period_us") >> period;
  return quota > 0 && period > 0 ? quota / period : kNoLimit;
}

}  // namespace

int UsableProcessors(const std::string& root) {
  double usable = std::max(1.0, static_cast<double>(std::thread::hardware_concurrency()));
  // Lines are "number:controllers:path". Folders that are not mounted here say nothing; the last is the mount itself,
  // which in a container is its own group.
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    std::string group = line.substr(std::min(line.size(), line.find(":/") + 1));
    for (;;) {
      usable = std::min(usable, Quota(root + "/sys/fs/cgroup/cpu" + group, root + "/sys/fs/cgroup" + group));
      if (group.empty()) break;
      group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  return std::max(1, static_cast<int>(std::floor(usable)));
}

}  // namespace cvxnn::server
