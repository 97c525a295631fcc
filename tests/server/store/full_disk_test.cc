// SPDX-License-Identifier: Apache-2.0
// Stores on a file system of 16 MiB that something else fills to the last byte.
#include <sched.h>
#include <sys/mount.h>

#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

class FullDisk : public StoreTest {
 protected:
  void SetUp() override {
    // In a view of the file systems that is this process's own, so that nothing stays mounted whatever happens.
    is_mounted_ = unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=16m") == 0;
    if (!is_mounted_) GTEST_SKIP() << "file systems cannot be mounted here (root and CAP_SYS_ADMIN are needed)";
    Reopen();
  }
  void TearDown() override {
    if (!is_mounted_) return;
    jobs_ = nullptr;
    models_ = nullptr;
    datasets_ = nullptr;
    database_ = nullptr;
    umount2(directory_.path().c_str(), MNT_DETACH);
  }

  std::filesystem::path Filler() const { return directory_.path() / "filler"; }
  // Another program takes all the room there is.
  void Fill() const {
    std::ofstream filler(Filler(), std::ios::binary | std::ios::app);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
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

 private:
  bool is_mounted_ = false;
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
  std::filesystem::remove(Filler());
  EXPECT_TRUE(datasets_->Delete("datasets/b").ok());
  Fill();
  EXPECT_EQ(TryToStore(), absl::StatusCode::kResourceExhausted);
  const auto deleted = datasets_->Delete("datasets/c");
  EXPECT_TRUE(deleted.ok()) << deleted.status();
}

}  // namespace
}  // namespace cvxnn::server
