// SPDX-License-Identifier: Apache-2.0
// Stores on a file system of 16 MiB that something else fills to the last byte.
#include <optional>

#include "tests/server/store/small_disk.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

class FullDisk : public StoreTest {
 protected:
  void SetUp() override {
    disk_.emplace(directory_.path());
    if (!disk_->is_mounted()) GTEST_SKIP() << "file systems cannot be mounted here";
    Reopen();
  }
  void TearDown() override {
    jobs_ = nullptr;
    models_ = nullptr;
    datasets_ = nullptr;
    database_ = nullptr;
  }

  void Fill() const { disk_->Fill(); }
  absl::StatusCode TryToStore() {
    v1::Dataset metadata;
    metadata.set_name("datasets/another");
    return datasets_->Create(metadata, SmallDataset()).status().code();
  }

  v1::Job RunningJob() {
    v1::Job job = StoreJob(MakeJob("jobs/one"));
    job.set_state(v1::JOB_STATE_RUNNING);
    const JobCommit commit = MakeCommit(job, {StateEvent(2, v1::JOB_STATE_RUNNING)});
    EXPECT_TRUE(jobs_->Commit(absl::MakeConstSpan(&commit, 1)).ok());
    return commit.job;
  }

  std::optional<SmallDisk> disk_;
};

TEST_F(FullDisk, LetsDataSetsBeDeleted) {
  StoreDataset("datasets/small");
  Fill();
  EXPECT_EQ(TryToStore(), absl::StatusCode::kResourceExhausted);
  const auto deleted = datasets_->Delete("datasets/small");
  EXPECT_TRUE(deleted.ok()) << deleted.status();
  Reopen();
  EXPECT_EQ(datasets_->Get("datasets/small").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FullDisk, LetsTheEndOfAJobBeRecordedAndEpochsWait) {
  StoreDataset();
  v1::Job job = RunningJob();
  Fill();
  const JobCommit epochs = MakeCommit(job, {EpochsEvent(3, 2000)});
  EXPECT_EQ(jobs_->Commit(absl::MakeConstSpan(&epochs, 1)).code(), absl::StatusCode::kResourceExhausted);
  job.set_state(v1::JOB_STATE_CANCELLED);
  const JobCommit end = MakeCommit(job, {EpochsEvent(3, 16000), StateEvent(16001, v1::JOB_STATE_CANCELLED)});
  const absl::Status recorded = jobs_->Commit(absl::MakeConstSpan(&end, 1));
  EXPECT_TRUE(recorded.ok()) << recorded;
  EXPECT_EQ(jobs_->Get("jobs/one")->state(), v1::JOB_STATE_CANCELLED);
  const auto models = jobs_->Delete("jobs/one");
  EXPECT_TRUE(models.ok()) << models.status();
}

TEST_F(FullDisk, KeepsRoomAgainOnceThereIsSome) {
  for (const char* name : {"datasets/a", "datasets/b", "datasets/c"}) StoreDataset(name);
  Fill();
  EXPECT_TRUE(datasets_->Delete("datasets/a").ok());
  disk_->Free();
  EXPECT_TRUE(datasets_->Delete("datasets/b").ok());
  Fill();
  EXPECT_EQ(TryToStore(), absl::StatusCode::kResourceExhausted);
  const auto deleted = datasets_->Delete("datasets/c");
  EXPECT_TRUE(deleted.ok()) << deleted.status();
}

}  // namespace
}  // namespace cvxnn::server
