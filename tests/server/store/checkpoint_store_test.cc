// SPDX-License-Identifier: Apache-2.0
// Checkpoints come back as they were written, or not at all.
#include "server/store/checkpoint_store.h"

#include <gmock/gmock.h>

#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

class CheckpointStoreTest : public StoreTest {
 protected:
  CheckpointStoreTest() { OpenCheckpoints(); }
  void OpenCheckpoints() {
    auto opened = CheckpointStore::Open(database_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    checkpoints_ = *std::move(opened);
  }
  std::filesystem::path FileOf(const std::string& id) const {
    return directory_.path() / "checkpoints" / (id + ".checkpoint");
  }
  std::unique_ptr<CheckpointStore> checkpoints_;
};

TEST_F(CheckpointStoreTest, GivesBackTheLastOneAfterARestart) {
  const std::string state("weights\0and all", 15);
  ASSERT_TRUE(checkpoints_->Write("jobs/one", {"uid", 3, "earlier"}).ok());
  ASSERT_TRUE(checkpoints_->Write("jobs/one", {"uid", std::int64_t{1} << 40, state}).ok());
  checkpoints_ = nullptr;
  Reopen();
  OpenCheckpoints();
  const auto read = checkpoints_->Read("jobs/one");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->dataset_uid, "uid");
  EXPECT_EQ(read->reports, std::int64_t{1} << 40);
  EXPECT_EQ(read->state, state);
  EXPECT_EQ(checkpoints_->Read("jobs/two").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CheckpointStoreTest, FindsEveryFlippedBitAndEveryCut) {
  ASSERT_TRUE(checkpoints_->Write("jobs/one", {"uid", 3, "state"}).ok());
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(FileOf("one")));
  for (std::int64_t i = 0; i < bytes; ++i) {
    FlipBit(FileOf("one"), i);
    EXPECT_EQ(checkpoints_->Read("jobs/one").status().code(), absl::StatusCode::kDataLoss) << i;
    FlipBit(FileOf("one"), i);
  }
  EXPECT_TRUE(checkpoints_->Read("jobs/one").ok());
  for (std::int64_t i = bytes - 1; i >= 0; --i) {
    std::filesystem::resize_file(FileOf("one"), static_cast<std::uintmax_t>(i));
    EXPECT_EQ(checkpoints_->Read("jobs/one").status().code(), absl::StatusCode::kDataLoss) << i;
  }
}

TEST_F(CheckpointStoreTest, SweepsWhatIsOfNoUse) {
  ASSERT_TRUE(checkpoints_->Write("jobs/one", {"uid", 3, "state"}).ok());
  ASSERT_TRUE(checkpoints_->Write("jobs/two", {"uid", 3, "state"}).ok());
  const std::filesystem::path writing = FileOf("one").string() + ".writing";
  std::ofstream(writing) << "half";
  OpenCheckpoints();
  EXPECT_FALSE(std::filesystem::exists(writing));
  checkpoints_->RemoveOthers({"jobs/two"});
  EXPECT_FALSE(std::filesystem::exists(FileOf("one")));
  EXPECT_TRUE(checkpoints_->Read("jobs/two").ok());
  checkpoints_->Remove("jobs/two");
  checkpoints_->Remove("jobs/two");
  EXPECT_TRUE(std::filesystem::is_empty(FileOf("two").parent_path()));
}

TEST_F(CheckpointStoreTest, KeepsTheOneBeforeWhenAWriteFails) {
  ASSERT_TRUE(checkpoints_->Write("jobs/one", {"uid", 3, "state"}).ok());
  // As a disk that cannot be written to.
  const std::filesystem::path folder = FileOf("one").parent_path();
  const std::filesystem::path away = directory_.path() / "away";
  std::filesystem::rename(folder, away);
  EXPECT_FALSE(checkpoints_->Write("jobs/one", {"uid", 4, "next"}).ok());
  std::filesystem::rename(away, folder);
  EXPECT_EQ(checkpoints_->Read("jobs/one")->reports, 3);
}

}  // namespace
}  // namespace cvxnn::server
