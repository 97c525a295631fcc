// SPDX-License-Identifier: Apache-2.0
// Memory limits of control groups, from folders that look like the kernel's.
#include "core/torch/host_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cvxnn {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

class HostMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            (std::string("host_memory_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    // 8,000 MiB, of which 6,000 MiB are available.
    Write("proc/meminfo", "MemTotal:        8192000 kB\nMemFree:          100000 kB\nMemAvailable:    6144000 kB\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void WriteGroup2(const std::string& group, const std::string& max, std::int64_t current, std::int64_t inactive) {
    Write("sys/fs/cgroup" + group + "/memory.max", max + "\n");
    Write("sys/fs/cgroup" + group + "/memory.current", std::to_string(current) + "\n");
    Write("sys/fs/cgroup" + group + "/memory.stat", "anon 1\ninactive_file " + std::to_string(inactive) + "\n");
  }
  HostMemory Measure() const { return MeasureHostMemory(root_.string()); }

  fs::path root_;
};

TEST_F(HostMemoryTest, IsTheMachinesWithoutLimits) {
  Write("proc/self/cgroup", "0::/user.slice\n");
  WriteGroup2("/user.slice", "max", 100 * kMiB, 0);
  EXPECT_EQ(Measure().total_bytes, 8000 * kMiB);
  EXPECT_EQ(Measure().available_bytes, 6000 * kMiB);
}

TEST_F(HostMemoryTest, IsWhatTheContainersLimitLeaves) {
  Write("proc/self/cgroup", "0::/\n");
  WriteGroup2("", std::to_string(1000 * kMiB), 300 * kMiB, 100 * kMiB);
  EXPECT_EQ(Measure().total_bytes, 1000 * kMiB);
  // Inactive file pages can be dropped.
  EXPECT_EQ(Measure().available_bytes, 800 * kMiB);
}

TEST_F(HostMemoryTest, HeedsTheLimitOfEveryGroupAbove) {
  Write("proc/self/cgroup", "0::/a/b\n");
  WriteGroup2("/a/b", std::to_string(2000 * kMiB), 100 * kMiB, 0);
  WriteGroup2("/a", std::to_string(3000 * kMiB), 2900 * kMiB, 0);
  EXPECT_EQ(Measure().total_bytes, 2000 * kMiB);
  EXPECT_EQ(Measure().available_bytes, 100 * kMiB);
}

TEST_F(HostMemoryTest, ReadsVersionOneWhereOnlyTheContainersOwnGroupIsMounted) {
  Write("proc/self/cgroup", "12:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(500 * kMiB));
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(450 * kMiB));
  Write("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file " + std::to_string(50 * kMiB));
  EXPECT_EQ(Measure().total_bytes, 500 * kMiB);
  EXPECT_EQ(Measure().available_bytes, 100 * kMiB);
}

TEST_F(HostMemoryTest, TakesVersionOnesLargestNumberForNoLimit) {
  Write("proc/self/cgroup", "4:memory:/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1");
  EXPECT_EQ(Measure().total_bytes, 8000 * kMiB);
  EXPECT_EQ(Measure().available_bytes, 6000 * kMiB);
}

TEST_F(HostMemoryTest, IsNeverNegative) {
  Write("proc/self/cgroup", "0::/\n");
  WriteGroup2("", std::to_string(100 * kMiB), 120 * kMiB, 0);
  EXPECT_EQ(Measure().available_bytes, 0);
}

TEST(HostMemory, OfThisMachineIsKnown) {
  const HostMemory memory = MeasureHostMemory();
  EXPECT_GT(memory.total_bytes, 0);
  EXPECT_GT(memory.available_bytes, 0);
  EXPECT_LE(memory.available_bytes, memory.total_bytes);
}

}  // namespace
}  // namespace cvxnn
