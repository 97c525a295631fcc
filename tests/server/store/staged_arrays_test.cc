// SPDX-License-Identifier: Apache-2.0
// Files that grow behind memory: what was there at the end is what lies on disk, or nothing does.
#include "server/store/staged_arrays.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

class StagedArraysTest : public StoreTest {
 protected:
  // Names of what lies below datasets/.
  std::vector<std::string> Folders() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(database_->data_dir() / "datasets")) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
};

TEST_F(StagedArraysTest, BecomeTheDataSetThatWasInMemoryAtTheEnd) {
  data::Dataset dataset = SmallDataset();
  dataset.train.features = data::Matrix(data::ElementType::kFloat32, 3, 3 * kMebibyte);
  auto staged = datasets_->Stage(dataset);
  ASSERT_TRUE(staged.ok()) << staged.status();
  // Memory fills up while it is written, in steps that are no whole pieces.
  auto* bytes = static_cast<char*>(dataset.train.features.mutable_data());
  const std::int64_t all = dataset.train.features.bytes();
  for (std::int64_t arrived = 0; arrived < all;) {
    const std::int64_t step = std::min(all - arrived, 5 * kMebibyte + 3);
    for (std::int64_t i = arrived; i < arrived + step; ++i) bytes[i] = static_cast<char>(i % 61);
    arrived += step;
    (*staged)->Arrived(0, arrived);
  }
  const data::Dataset& parts = dataset;
  (*staged)->Arrived(1, parts.train.targets.bytes());
  (*staged)->Arrived(2, parts.test.features.bytes());
  (*staged)->Arrived(3, parts.test.targets.bytes());
  v1::Dataset metadata;
  metadata.set_name("datasets/staged");
  auto stored = datasets_->Create(metadata, dataset, *std::move(staged));
  ASSERT_TRUE(stored.ok()) << stored.status();
  Reopen();
  auto loaded = datasets_->Load("datasets/staged");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(std::memcmp(loaded->train.features.data(), bytes, static_cast<std::size_t>(all)), 0);
  EXPECT_EQ(loaded->test.targets.at(0, 0), -1);
  EXPECT_EQ(Folders().size(), 1U);
}

TEST_F(StagedArraysTest, LeaveNothingWhenTheyBecomeNoDataSet) {
  const data::Dataset dataset = SmallDataset();
  {
    auto staged = datasets_->Stage(dataset);
    ASSERT_TRUE(staged.ok()) << staged.status();
    EXPECT_EQ(Folders().size(), 1U);
    (*staged)->Arrived(0, 4);
  }
  EXPECT_TRUE(Folders().empty());
  StoreDataset("datasets/small");
  auto staged = datasets_->Stage(dataset);
  ASSERT_TRUE(staged.ok()) << staged.status();
  v1::Dataset metadata;
  metadata.set_name("datasets/small");
  EXPECT_TRUE(absl::IsAlreadyExists(datasets_->Create(metadata, dataset, *std::move(staged)).status()));
  EXPECT_EQ(Folders().size(), 1U);
}

}  // namespace
}  // namespace cvxnn::server
