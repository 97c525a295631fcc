// SPDX-License-Identifier: Apache-2.0
// See processors.h. The files are described in the kernel's Documentation/admin-guide/cgroup-v2.rst (cpu.max: "QUOTA
// PERIOD" or "max PERIOD") and scheduler/sched-bwc.rst (version 1: a quota of -1 is none).
#include "server/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "core/torch/control_groups.h"

namespace cvxnn::server {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// Processors that one group allows.
double ProcessorQuota(const ControlGroup& group) {
  double quota = -1, period = 0;
  if (group.version == 2) {
    std::ifstream(group.folder + "/cpu.max") >> quota >> period;
  } else {
    std::ifstream(group.folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(group.folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : kNoLimit;
}

}  // namespace

int UsableProcessors(const std::string& root) {
  double usable = std::max(1.0, static_cast<double>(std::thread::hardware_concurrency()));
  for (const ControlGroup& group : ControlGroupsOf("cpu", root)) usable = std::min(usable, ProcessorQuota(group));
  return std::max(1, static_cast<int>(std::floor(usable)));
}

}  // namespace cvxnn::server
