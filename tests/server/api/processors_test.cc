// SPDX-License-Identifier: Apache-2.0
// Quotas of control groups, in a folder that stands for the root of the file system.
#include "server/processors.h"

#include <fstream>
#include <thread>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

void Write(const std::string& file, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::ofstream(file) << text;
}

TEST(UsableProcessors, AreThoseOfTheMachineWithoutAQuota) {
  const TemporaryFolder root;
  const int all = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(UsableProcessors(root.path()), all);
  Write(root.path() + "/proc/self/cgroup", "0::/box\n");
  Write(root.path() + "/sys/fs/cgroup/box/cpu.max", "max 100000\n");
  EXPECT_EQ(UsableProcessors(root.path()), all);
}

TEST(UsableProcessors, AreBoundedByTheTightestQuota) {
  const TemporaryFolder root;
  Write(root.path() + "/proc/self/cgroup", "0::/slice/box\n");
  Write(root.path() + "/sys/fs/cgroup/slice/box/cpu.max", "max 100000\n");
  Write(root.path() + "/sys/fs/cgroup/slice/cpu.max", "50000 100000\n");
  EXPECT_EQ(UsableProcessors(root.path()), 1);
}

TEST(UsableProcessors, KnowTheQuotasOfVersionOne) {
  const TemporaryFolder root;
  Write(root.path() + "/proc/self/cgroup", "3:cpu,cpuacct:/box\n");
  Write(root.path() + "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  Write(root.path() + "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(UsableProcessors(root.path()), 1);
}

}  // namespace
}  // namespace cvxnn::server
