// SPDX-License-Identifier: Apache-2.0
// Networks are read once while they fit, and the least recently used leave first.
#include "server/api/loaded_networks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

// Three weights of 8 bytes.
Network Small() {
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  return {Activation::kRelu, at::ones({2, 1}, options), at::ones({1, 1}, options), at::Tensor()};
}

class LoadedNetworksTest : public ::testing::Test {
 protected:
  LoadedNetworks Cache(std::int64_t bytes) {
    return LoadedNetworks(
        [this](const std::string& name) -> absl::StatusOr<Network> {
          ++loads_;
          if (name == "models/none") return absl::NotFoundError(name);
          return Small();
        },
        bytes);
  }
  int loads_ = 0;
};

TEST_F(LoadedNetworksTest, ReadsAModelOnce) {
  auto networks = Cache(100);
  const auto first = networks.Get("models/a");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*networks.Get("models/a"), *first);
  EXPECT_EQ(loads_, 1);
}

TEST_F(LoadedNetworksTest, LetsTheLeastRecentlyUsedGo) {
  auto networks = Cache(48);
  for (const char* name : {"models/a", "models/b", "models/a", "models/c"}) ASSERT_TRUE(networks.Get(name).ok());
  EXPECT_EQ(loads_, 3);
  ASSERT_TRUE(networks.Get("models/a").ok());
  EXPECT_EQ(loads_, 3);
  ASSERT_TRUE(networks.Get("models/b").ok());
  EXPECT_EQ(loads_, 4);
}

TEST_F(LoadedNetworksTest, KeepsNeitherWhatIsTooLargeNorErrorsNorWhatWasRemoved) {
  auto small = Cache(23);
  ASSERT_TRUE(small.Get("models/a").ok());
  ASSERT_TRUE(small.Get("models/a").ok());
  EXPECT_EQ(loads_, 2);
  auto networks = Cache(100);
  EXPECT_TRUE(absl::IsNotFound(networks.Get("models/none").status()));
  EXPECT_TRUE(absl::IsNotFound(networks.Get("models/none").status()));
  EXPECT_EQ(loads_, 4);
  ASSERT_TRUE(networks.Get("models/a").ok());
  networks.Remove("models/a");
  ASSERT_TRUE(networks.Get("models/a").ok());
  EXPECT_EQ(loads_, 6);
}

}  // namespace
}  // namespace cvxnn::server
