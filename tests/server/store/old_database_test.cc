// SPDX-License-Identifier: Apache-2.0
// A data directory that a server with an earlier schema wrote, and was killed over, is taken up with all that was
// acknowledged. What the directory holds is told in tests/testdata/README.md.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "core/network/network.h"
#include "server/store/clock.h"
#include "server/store/dataset_store.h"
#include "server/store/job_store.h"
#include "server/store/model_store.h"
#include "server/store/schema.h"
#include "server/store/totals.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

constexpr char kEnded[] = "jobs/iu5goax3wmbt", kRunning[] = "jobs/wtlb2hb6dlca";

class OldDatabaseTest : public testing::Test {
 protected:
  OldDatabaseTest() {
    const std::filesystem::path old = std::string(CVXNN_TESTDATA) + "/store/version_3";
    std::filesystem::copy(old, directory_.path(), std::filesystem::copy_options::recursive);
    std::ifstream dump(old / "cvxnn.sql");
    const std::string sql(std::istreambuf_iterator<char>(dump), {});
    SQLite::Database(directory_.path() / "cvxnn.sqlite3", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }
  TemporaryDirectory directory_;
};

TEST_F(OldDatabaseTest, IsTakenUpWithAllThatWasAcknowledged) {
  auto opened = Database::Open(directory_.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::shared_ptr<Database> database = *std::move(opened);
  int version = 0;
  ASSERT_TRUE(database
                  ->Read([&](SQLite::Database& db) {
                    version = db.execAndGet("PRAGMA user_version").getInt();
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(version, SchemaVersion());

  auto datasets = DatasetStore::Open(database);
  ASSERT_TRUE(datasets.ok()) << datasets.status();
  const auto dataset = (*datasets)->Load("datasets/old");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->train.features.rows(), 12);
  EXPECT_EQ(dataset->description.source, "generated two_spirals seed=0");
  EXPECT_EQ((*datasets)->Get("datasets/old")->creator(), "");

  JobStore jobs(database);
  const auto ended = jobs.Get(kEnded);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(ended->display_name(), "done before");
  EXPECT_EQ(ended->priority(), 0);
  EXPECT_FALSE(ended->has_expire_time());
  const auto log = jobs.ReadLog(kEnded, 0, 100, 100);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->events.back()->sequence(), 8);
  EXPECT_TRUE(jobs.ListExpiring()->empty());
  v1::JobFilter filter;
  (*filter.mutable_labels())["from"] = "before";
  EXPECT_EQ(jobs.List(filter, {})->items.size(), 1U);
  // The same request is still the same job, though a request now says more than it did.
  EXPECT_EQ(jobs.FindRequest("one", *ended)->name(), kEnded);
  v1::Job other = *ended;
  other.set_priority(1);
  EXPECT_TRUE(absl::IsAlreadyExists(jobs.FindRequest("one", other).status()));

  const auto unfinished = jobs.ListUnfinished();
  ASSERT_TRUE(unfinished.ok()) << unfinished.status();
  ASSERT_EQ(unfinished->size(), 1U);
  EXPECT_EQ(unfinished->front().job.name(), kRunning);
  EXPECT_EQ(unfinished->front().job.state(), v1::JOB_STATE_RUNNING);

  auto models = ModelStore::Open(database);
  ASSERT_TRUE(models.ok()) << models.status();
  const auto network = (*models)->Load(ended->result().best_model());
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->neurons(), 3);
  EXPECT_EQ(ReadTotals(*database)->jobs.at(v1::JOB_STATE_SUCCEEDED), 1);
}

TEST_F(OldDatabaseTest, IsTheSameAfterASecondStart) {
  for (int start = 0; start < 2; ++start) {
    auto database = Database::Open(directory_.path());
    ASSERT_TRUE(database.ok()) << database.status();
    EXPECT_TRUE(JobStore(*std::move(database)).Get(kEnded).ok());
  }
}

}  // namespace
}  // namespace cvxnn::server
