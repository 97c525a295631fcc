// SPDX-License-Identifier: Apache-2.0
// What stays in memory, what leaves, and that nothing is read twice without need.
#include "server/devices/resident_datasets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <new>
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
  // Every name has the uid "uid of NAME" unless uids_ says another one; "missing" can be identified but not loaded.
  ResidentDatasets::Source CountingSource() {
    return {[this](const std::string& name) -> absl::StatusOr<std::string> {
              const auto found = uids_.find(name);
              return found == uids_.end() ? "uid of " + name : found->second;
            },
            [this](const std::string& name, const std::string&) -> absl::StatusOr<data::Dataset> {
              ++loads_[name];
              if (name == "missing") return absl::NotFoundError(name);
              if (name == "too large") throw std::bad_alloc();
              return TwoHundredBytes();
            }};
  }
  std::map<std::string, std::string> uids_;
  std::map<std::string, int> loads_;
};

TEST_F(ResidentDatasetsTest, LoadsOnce) {
  ResidentDatasets cache(CountingSource(), 1000);
  auto first = cache.Get("a");
  auto second = cache.Get("a");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->dataset.get(), second->dataset.get());
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_EQ(cache.resident_bytes(), 200);
}

TEST_F(ResidentDatasetsTest, LetsTheLeastRecentlyUsedLeave) {
  ResidentDatasets cache(CountingSource(), 400);
  for (const char* name : {"a", "b", "a", "c", "a"}) ASSERT_TRUE(cache.Get(name).ok());
  EXPECT_EQ(cache.resident_bytes(), 400);
  EXPECT_EQ(loads_["a"], 1);
  ASSERT_TRUE(cache.Get("b").ok());
  EXPECT_EQ(loads_["b"], 2);
}

TEST_F(ResidentDatasetsTest, HandsOutWhatIsLargerThanTheBudgetWithoutKeepingIt) {
  ResidentDatasets cache(CountingSource(), 199);
  auto dataset = cache.Get("a");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->dataset->train.rows(), 25);
  EXPECT_EQ(cache.resident_bytes(), 0);
}

TEST_F(ResidentDatasetsTest, KeepsWhoeverHoldsADatasetSafeFromItsLeaving) {
  ResidentDatasets cache(CountingSource(), 200);
  auto held = cache.Get("a");
  ASSERT_TRUE(cache.Get("b").ok());
  cache.Remove("uid of a");
  EXPECT_EQ(held->dataset->train.rows(), 25);
}

TEST_F(ResidentDatasetsTest, DoesNotRememberErrors) {
  ResidentDatasets cache(CountingSource(), 1000);
  EXPECT_EQ(cache.Get("missing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(cache.Get("missing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(loads_["missing"], 2);
}

TEST_F(ResidentDatasetsTest, TakesAStoredDatasetWithoutLoading) {
  ResidentDatasets cache(CountingSource(), 1000);
  cache.Put("uid of a", std::make_shared<const data::Dataset>(TwoHundredBytes()));
  ASSERT_TRUE(cache.Get("a").ok());
  EXPECT_EQ(loads_["a"], 0);
  cache.Remove("uid of a");
  EXPECT_EQ(cache.resident_bytes(), 0);
}

TEST_F(ResidentDatasetsTest, NeverGivesADeletedDatasetForANewOneOfItsName) {
  ResidentDatasets cache(CountingSource(), 1000);
  const auto first = cache.Get("a");
  // Deleted and created again; the old arrays are handed in by a slow creator only now.
  uids_["a"] = "second";
  cache.Put("uid of a", std::make_shared<const data::Dataset>(TwoHundredBytes()));
  const auto second = cache.Get("a");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->uid, "uid of a");
  EXPECT_EQ(second->uid, "second");
  EXPECT_NE(first->dataset.get(), second->dataset.get());
  EXPECT_EQ(loads_["a"], 2);
}

TEST_F(ResidentDatasetsTest, GoesOnAfterALoaderThatThrows) {
  ResidentDatasets cache(CountingSource(), 1000);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(cache.Get("too large").status().code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(loads_["too large"], 2);
}

absl::StatusOr<std::string> SameUid(const std::string& name) { return name; }

TEST(ResidentDatasets, LoadsOnceForSeveralThreads) {
  std::atomic<int> loads = 0;
  ResidentDatasets cache({SameUid,
                          [&](const std::string&, const std::string&) -> absl::StatusOr<data::Dataset> {
                            ++loads;
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                            return TwoHundredBytes();
                          }},
                         1000);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(cache.Get("a").ok()); });
  }
  EXPECT_EQ(loads, 1);
}

TEST(ResidentDatasets, DoesNotKeepWhatWasRemovedWhileItWasRead) {
  absl::Notification loading, removed;
  ResidentDatasets cache({SameUid,
                          [&](const std::string&, const std::string&) -> absl::StatusOr<data::Dataset> {
                            loading.Notify();
                            removed.WaitForNotification();
                            return TwoHundredBytes();
                          }},
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
