// SPDX-License-Identifier: Apache-2.0
// Device names of the contract and the machine's devices.
#include "server/devices/device_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

TEST(DeviceList, MakesNamesCanonical) {
  const DeviceList devices({"cpu", "cuda:0", "cuda:1"});
  EXPECT_EQ(*devices.Canonical(""), "cpu");
  EXPECT_EQ(*devices.Canonical("cpu"), "cpu");
  EXPECT_EQ(*devices.Canonical("cuda"), "cuda:0");
  EXPECT_EQ(*devices.Canonical("cuda:1"), "cuda:1");
}

TEST(DeviceList, NamesTheDevicesThatAreThere) {
  const DeviceList devices({"cpu"});
  for (const char* name : {"cuda", "cuda:7", "tpu", " cpu"}) {
    auto canonical = devices.Canonical(name);
    EXPECT_EQ(canonical.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(canonical.status().message()), testing::HasSubstr("available: cpu"));
    EXPECT_THAT(std::string(canonical.status().message()), testing::HasSubstr(name));
  }
}

TEST(DeviceList, DescribesTheProcessorFirst) {
  const DeviceList devices = DeviceList::Detect();
  const auto described = devices.Describe();
  ASSERT_FALSE(described.empty());
  EXPECT_EQ(described[0].name(), "cpu");
  EXPECT_NE(described[0].description(), "");
  EXPECT_GT(described[0].total_bytes(), 0);
  EXPECT_GT(described[0].free_bytes(), 0);
  EXPECT_LE(described[0].free_bytes(), described[0].total_bytes());
  EXPECT_EQ(described.size(), devices.names().size());
}

}  // namespace
}  // namespace cvxnn::server
