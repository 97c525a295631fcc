// SPDX-License-Identifier: Apache-2.0
// Devices by name, and what does not fit on them.
#include "core/torch/runtime.h"

#include <c10/core/Device.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace cvxnn {
namespace {

using testing::HasSubstr;

TEST(AvailableDevices, BeginWithTheProcessorAndItsMemory) {
  const auto devices = AvailableDevices();
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices[0].name, "cpu");
  EXPECT_GT(devices[0].total_bytes, 0);
  EXPECT_LE(devices[0].free_bytes, devices[0].total_bytes);
}

TEST(AvailableDevices, TellTheMemoryOfEveryGpu) {
  const auto devices = AvailableDevices();
  if (devices.size() < 2) GTEST_SKIP() << "no GPU in this build or on this machine";
  for (std::size_t i = 1; i < devices.size(); ++i) {
    EXPECT_GT(devices[i].total_bytes, 0) << devices[i].name;
    EXPECT_LE(devices[i].free_bytes, devices[i].total_bytes) << devices[i].name;
  }
}

TEST(ParseDevice, NamesTheDevicesThereAre) {
  EXPECT_TRUE(ParseDevice("cpu")->is_cpu());
  const auto absent = ParseDevice("cuda:99");
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(absent.status().message()), HasSubstr("device = \"cuda:99\""));
  EXPECT_THAT(std::string(absent.status().message()), HasSubstr("available: cpu"));
}

TEST(CheckFits, SaysHowMuchIsNeededEvenWhenNoIntegerHoldsIt) {
  const c10::Device cpu("cpu");
  EXPECT_TRUE(CheckFits("a byte", 1, cpu).ok());
  const absl::Status large = CheckFits("a lot", 1e15, cpu);
  EXPECT_EQ(large.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(large.message()),
              testing::MatchesRegex("a lot needs 1000000000000000 bytes, available on cpu: [0-9]+ bytes"));
  EXPECT_THAT(std::string(CheckFits("too much", 1e30, cpu).message()),
              testing::MatchesRegex("too much needs [0-9]+ bytes, .*"));
  EXPECT_FALSE(CheckFits("no end", std::numeric_limits<double>::infinity(), cpu).ok());
}

}  // namespace
}  // namespace cvxnn
