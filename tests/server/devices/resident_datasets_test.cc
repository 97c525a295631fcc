// SPDX-License-Identifier: Apache-2.0
// What stays in memory, what leaves, and that nothing is read twice without need.
#include "server/devices/resident_datasets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

namespace cvxnn::server {
namespace {

// 25 features and 25 targets of 4 bytes: 200 bytes.
data::Dataset TwoHundredBytes() {
  data::Dataset dataset;
  dataset.train.features = data::Matrix(data::ElementType::kFloat32, 25, 1);
  dataset.train.targets = data::Matrix(data::ElementType::kFloat32, 25, 1);
  return dataset;
}

class ResidentDatasetsTest : public testing::Test {
 protected:
  ResidentDatasets::Loader CountingLoader() {
    return [this](const std::string& name) -> absl::StatusOr<data::Dataset> {
      ++loads_[name];
      if (name == "missing") return absl::NotFoundError(name);
      return TwoHundredBytes();
    };
  }
  std::map<std::string, int> loads_;
};

TEST_F(ResidentDatasetsTest, LoadsOnce) {
  ResidentDatasets cache(CountingLoader(), 1000);
  auto first = cache.Get("a");
  auto second = cache.Get("a");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->get(), second->get());
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_EQ(cache.resident_bytes(), 200);
}

TEST_F(ResidentDatasetsTest, LetsTheLeastRecentlyUsedLeave) {
  ResidentDatasets cache(CountingLoader(), 400);
  for (const char* name : {"a", "b", "a", "c", "a"}) ASSERT_TRUE(cache.Get(name).ok());
  EXPECT_EQ(cache.resident_bytes(), 400);
  EXPECT_EQ(loads_["a"], 1);
  ASSERT_TRUE(cache.Get("b").ok());
  EXPECT_EQ(loads_["b"], 2);
}

TEST_F(ResidentDatasetsTest, HandsOutWhatIsLargerThanTheBudgetWithoutKeepingIt) {
  ResidentDatasets cache(CountingLoader(), 199);
  auto dataset = cache.Get("a");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ((*dataset)->train.rows(), 25);
  EXPECT_EQ(cache.resident_bytes(), 0);
}

TEST_F(ResidentDatasetsTest, KeepsWhoeverHoldsADatasetSafeFromItsLeaving) {
  ResidentDatasets cache(CountingLoader(), 200);
  auto held = cache.Get("a");
  ASSERT_TRUE(cache.Get("b").ok());
  cache.Remove("a");
  EXPECT_EQ((*held)->train.rows(), 25);
}

TEST_F(ResidentDatasetsTest, DoesNotRememberErrors) {
  ResidentDatasets cache(CountingLoader(), 1000);
  EXPECT_EQ(cache.Get("missing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(cache.Get("missing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(loads_["missing"], 2);
}

TEST_F(ResidentDatasetsTest, TakesAStoredDatasetWithoutLoading) {
  ResidentDatasets cache(CountingLoader(), 1000);
  cache.Put("a", std::make_shared<const data::Dataset>(TwoHundredBytes()));
  ASSERT_TRUE(cache.Get("a").ok());
  EXPECT_EQ(loads_["a"], 0);
  cache.Remove("a");
  EXPECT_EQ(cache.resident_bytes(), 0);
}

TEST(ResidentDatasets, LoadsOnceForSeveralThreads) {
  std::atomic<int> loads = 0;
  ResidentDatasets cache(
      [&](const std::string&) -> absl::StatusOr<data::Dataset> {
        ++loads;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return TwoHundredBytes();
      },
      1000);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(cache.Get("a").ok()); });
  }
  EXPECT_EQ(loads, 1);
}

TEST(ResidentDatasets, DoesNotKeepWhatWasRemovedWhileItWasRead) {
  absl::Notification loading, removed;
  ResidentDatasets cache(
      [&](const std::string&) -> absl::StatusOr<data::Dataset> {
        loading.Notify();
        removed.WaitForNotification();
        return TwoHundredBytes();
      },
      1000);
  std::jthread reader([&] { EXPECT_TRUE(cache.Get("a").ok()); });
  loading.WaitForNotification();
  cache.Remove("a");
  removed.Notify();
  reader.join();
  EXPECT_EQ(cache.resident_bytes(), 0);
}

}  // namespace
}  // namespace cvxnn::server
