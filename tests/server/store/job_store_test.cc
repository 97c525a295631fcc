// SPDX-License-Identifier: Apache-2.0
// Jobs are created once per request, their logs have no hole, and deleting takes everything with it.
#include "server/store/job_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

class JobStoreTest : public StoreTest {
 protected:
  JobStoreTest() { StoreDataset(); }
  static JobCommit First(const v1::Job& job) { return MakeCommit(job, {StateEvent(1, v1::JOB_STATE_QUEUED)}); }
  absl::Status CommitOne(const JobCommit& commit) { return jobs_->Commit(absl::MakeConstSpan(&commit, 1)); }
};

TEST_F(JobStoreTest, GivesBackWhatWasStoredAfterARestart) {
  v1::Job job = MakeJob("jobs/one");
  job.set_experiment("e");
  (*job.mutable_labels())["k"] = "v";
  const v1::Job stored = StoreJob(job);
  EXPECT_EQ(stored.last_sequence(), 1);
  Reopen();
  auto got = jobs_->Get("jobs/one");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->experiment(), "e");
  EXPECT_EQ(got->labels().at("k"), "v");
  EXPECT_EQ(got->last_sequence(), 1);
  EXPECT_EQ(jobs_->Get("jobs/two").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobStoreTest, TheSameRequestMakesOneJob) {
  v1::Job job = MakeJob("jobs/one");
  for (const char* key : {"a", "b", "c", "d"}) (*job.mutable_labels())[key] = key;
  StoreJob(job, "request-1");
  Reopen();
  v1::Job again = MakeJob("jobs/two");
  for (const char* key : {"d", "c", "b", "a"}) (*again.mutable_labels())[key] = key;
  auto second = jobs_->Create(First(again), "request-1");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(second->job.name(), "jobs/one");
  EXPECT_EQ(jobs_->Get("jobs/two").status().code(), absl::StatusCode::kNotFound);
  auto found = jobs_->FindRequest("request-1", again);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->name(), "jobs/one");
}

TEST_F(JobStoreTest, RefusesARequestIdWithAnotherBody) {
  StoreJob(MakeJob("jobs/one"), "request-1");
  v1::Job other = MakeJob("jobs/two");
  other.mutable_spec()->set_beta(0.25);
  for (const absl::Status& status :
       {jobs_->Create(First(other), "request-1").status(), jobs_->FindRequest("request-1", other).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_THAT(std::string(status.message()), HasSubstr("jobs/one"));
  }
}

TEST_F(JobStoreTest, WithoutRequestIdEveryCallMakesAJob) {
  StoreJob(MakeJob("jobs/one"));
  StoreJob(MakeJob("jobs/two"));
  EXPECT_EQ(jobs_->List({}, {})->items.size(), 2U);
}

TEST_F(JobStoreTest, RefusesADatasetThatIsNotThere) {
  auto created = jobs_->Create(First(MakeJob("jobs/one", "datasets/none")), "");
  EXPECT_EQ(created.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(created.status().message()), HasSubstr("datasets/none"));
  EXPECT_EQ(jobs_->Get("jobs/one").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobStoreTest, RefusesALogWithAHoleOrARepeat) {
  const v1::Job job = StoreJob(MakeJob("jobs/one"));
  EXPECT_EQ(CommitOne(MakeCommit(job, {EpochsEvent(3, 4)})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(CommitOne(MakeCommit(job, {EpochsEvent(1, 4)})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(CommitOne(MakeCommit(job, {EpochsEvent(2, 4), EpochsEvent(6, 7)})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(jobs_->Get("jobs/one")->last_sequence(), 1);
  EXPECT_TRUE(CommitOne(MakeCommit(job, {EpochsEvent(2, 4), EpochsEvent(5, 7)})).ok());
  EXPECT_EQ(jobs_->Get("jobs/one")->last_sequence(), 7);
}

TEST_F(JobStoreTest, ReadsALogFromAnywhereUpToALimit) {
  const v1::Job job = StoreJob(MakeJob("jobs/one"));
  ASSERT_TRUE(CommitOne(MakeCommit(job, {EpochsEvent(2, 4), EpochsEvent(5, 7), StateEvent(8, v1::JOB_STATE_RUNNING),
                                         EpochsEvent(9, 20)}))
                  .ok());
  for (std::int64_t after = 0; after <= 20; ++after) {
    for (std::int64_t limit : {1, 3, 100}) {
      auto part = jobs_->ReadLog("jobs/one", after, limit, 5);
      ASSERT_TRUE(part.ok()) << part.status();
      EXPECT_EQ(part->job.last_sequence(), 20);
      std::int64_t next = after + 1;
      for (const auto& event : part->events) {
        EXPECT_EQ(FirstSequence(*event), next);
        next = event->sequence() + 1;
      }
      EXPECT_EQ(next - 1, std::min<std::int64_t>(20, after + limit));
    }
  }
}

TEST_F(JobStoreTest, CommitsSeveralJobsOrNone) {
  const v1::Job one = StoreJob(MakeJob("jobs/one"));
  const v1::Job two = StoreJob(MakeJob("jobs/two"));
  std::vector<JobCommit> commits = {MakeCommit(one, {EpochsEvent(2, 3)}), MakeCommit(two, {EpochsEvent(5, 6)})};
  EXPECT_FALSE(jobs_->Commit(commits).ok());
  EXPECT_EQ(jobs_->Get("jobs/one")->last_sequence(), 1);
  commits[1] = MakeCommit(two, {EpochsEvent(2, 2)});
  EXPECT_TRUE(jobs_->Commit(commits).ok());
  EXPECT_EQ(jobs_->Get("jobs/one")->last_sequence(), 3);
  EXPECT_EQ(jobs_->Get("jobs/two")->last_sequence(), 2);
}

TEST_F(JobStoreTest, PagesNewestFirstAndBindsTokensToTheFilter) {
  for (int i = 0; i < 5; ++i) {
    v1::Job job = MakeJob(absl::StrCat("jobs/", i));
    job.set_experiment("e");
    StoreJob(job);
  }
  v1::JobFilter filter;
  filter.set_experiment("e");
  std::vector<std::string> names;
  PageRequest request{2, ""};
  do {
    auto page = jobs_->List(filter, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->items.size(), 2U);
    for (const v1::Job& job : page->items) names.push_back(job.name());
    request.token = page->next_token;
    if (!request.token.empty()) {
      EXPECT_EQ(jobs_->List({}, request).status().code(), absl::StatusCode::kInvalidArgument);
    }
  } while (!request.token.empty());
  EXPECT_THAT(names, testing::ElementsAre("jobs/4", "jobs/3", "jobs/2", "jobs/1", "jobs/0"));
}

TEST_F(JobStoreTest, ListsUnfinishedJobsOldestFirst) {
  for (const char* name : {"jobs/a", "jobs/b", "jobs/c"}) StoreJob(MakeJob(name));
  EndJob("jobs/b");
  auto unfinished = jobs_->ListUnfinished();
  ASSERT_TRUE(unfinished.ok()) << unfinished.status();
  ASSERT_EQ(unfinished->size(), 2U);
  EXPECT_EQ((*unfinished)[0].job.name(), "jobs/a");
  EXPECT_EQ((*unfinished)[1].job.name(), "jobs/c");
  EXPECT_LT((*unfinished)[0].number, (*unfinished)[1].number);
}

TEST_F(JobStoreTest, NamesTheRowThatIsDamaged) {
  StoreJob(MakeJob("jobs/one"), "request-1");
  const auto damage = [this](const char* sql) {
    const absl::Status status = database_->Write([&](SQLite::Database& db) {
      db.exec(sql);
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  };
  const auto expect_named = [](const absl::Status& status, const std::string& row) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row));
  };
  damage("UPDATE job_events SET body = x'0AFF'");
  expect_named(jobs_->ReadLog("jobs/one", 0, 10, 10).status(), "record 1 of the log of jobs/one");
  damage("UPDATE jobs SET body = x'0AFF'");
  for (const absl::Status& status : {jobs_->Get("jobs/one").status(), jobs_->List({}, {}).status(),
                                     jobs_->ListUnfinished().status(), jobs_->ReadLog("jobs/one", 0, 10, 10).status(),
                                     jobs_->FindRequest("request-1", MakeJob("jobs/one")).status()}) {
    expect_named(status, "the row of jobs/one");
  }
}

TEST_F(JobStoreTest, DeletesOnlyWhatHasEnded) {
  StoreJob(MakeJob("jobs/one"), "request-1");
  EXPECT_EQ(jobs_->Delete("jobs/one").status().code(), absl::StatusCode::kFailedPrecondition);
  EndJob("jobs/one");
  EXPECT_TRUE(jobs_->Delete("jobs/one").ok());
  EXPECT_EQ(jobs_->Delete("jobs/one").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(jobs_->ReadLog("jobs/one", 0, 10, 10).status().code(), absl::StatusCode::kNotFound);
  // The request is forgotten with its job.
  EXPECT_TRUE(jobs_->Create(First(MakeJob("jobs/two")), "request-1")->is_new);
}

}  // namespace
}  // namespace cvxnn::server
