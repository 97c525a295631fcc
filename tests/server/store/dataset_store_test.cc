// SPDX-License-Identifier: Apache-2.0
// Data sets come back as they were stored, across restarts, or not at all with a reason.
#include "server/store/dataset_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class DatasetStoreTest : public StoreTest {};

void ExpectSame(const data::Matrix& got, const data::Matrix& want) {
  ASSERT_EQ(got.type(), want.type());
  ASSERT_EQ(got.rows(), want.rows());
  ASSERT_EQ(got.cols(), want.cols());
  EXPECT_EQ(got.ToDouble(), want.ToDouble());
}

TEST_F(DatasetStoreTest, GivesBackArraysAndDescriptionAfterARestart) {
  data::Dataset given = SmallDataset();
  given.description.transforms.push_back({data::PrincipalComponents{1}, {1, 2}, {}, {0.6, 0.8}});
  v1::Dataset metadata;
  metadata.set_display_name("small one");
  auto stored = datasets_->Create(metadata, given);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_THAT(stored->name(), StartsWith("datasets/"));
  EXPECT_GT(stored->create_time().seconds(), 0);
  Reopen();
  auto loaded = datasets_->Load(stored->name());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ExpectSame(loaded->train.features, given.train.features);
  ExpectSame(loaded->train.targets, given.train.targets);
  ExpectSame(loaded->test.features, given.test.features);
  ExpectSame(loaded->test.targets, given.test.targets);
  EXPECT_EQ(loaded->description.class_names, given.description.class_names);
  ASSERT_EQ(loaded->description.transforms.size(), 1U);
  EXPECT_THAT(loaded->description.transforms[0].projection, ElementsAre(0.6, 0.8));
  auto got = datasets_->Get(stored->name());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->SerializeAsString(), stored->SerializeAsString());
}

TEST_F(DatasetStoreTest, RefusesANameTwice) {
  StoreDataset();
  v1::Dataset metadata;
  metadata.set_name("datasets/small");
  EXPECT_EQ(datasets_->Create(metadata, SmallDataset()).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(datasets_->CheckNameFree("datasets/small").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(datasets_->CheckNameFree("datasets/other").ok());
  EXPECT_TRUE(datasets_->Load("datasets/small").ok());
}

TEST_F(DatasetStoreTest, NamesTheDamagedFile) {
  for (const char* file :
       {"features.bin", "targets.bin", "test_features.bin", "test_targets.bin", "description.cbor"}) {
    StoreDataset();
    FlipBit(DatasetFolder() / file, 3);
    auto loaded = datasets_->Load("datasets/small");
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr((DatasetFolder() / file).string()));
    ASSERT_TRUE(datasets_->Delete("datasets/small").ok());
  }
}

TEST_F(DatasetStoreTest, CallsMissingAndShortFilesDataLoss) {
  StoreDataset();
  std::filesystem::resize_file(DatasetFolder() / "features.bin", 5);
  EXPECT_EQ(datasets_->Load("datasets/small").status().code(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(DatasetFolder() / "features.bin");
  auto loaded = datasets_->Load("datasets/small");
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("is missing"));
}

TEST_F(DatasetStoreTest, DeletesRowAndFiles) {
  StoreDataset();
  ASSERT_TRUE(datasets_->Delete("datasets/small").ok());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "datasets"));
  for (const absl::Status& status :
       {datasets_->Get("datasets/small").status(), datasets_->Load("datasets/small").status(),
        datasets_->Delete("datasets/small").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr("datasets/small"));
  }
}

TEST_F(DatasetStoreTest, KeepsWhatAQueuedOrRunningJobUses) {
  StoreDataset();
  StoreJob(MakeJob("jobs/one"));
  const absl::Status refused = datasets_->Delete("datasets/small").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("jobs/one"));
  EXPECT_TRUE(datasets_->Load("datasets/small").ok());
  EndJob("jobs/one");
  EXPECT_TRUE(datasets_->Delete("datasets/small").ok());
}

TEST_F(DatasetStoreTest, TellsADatasetFromALaterOneOfItsName) {
  StoreDataset();
  const std::string first = *datasets_->Identify("datasets/small");
  EXPECT_EQ(datasets_->Get("datasets/small")->uid(), first);
  EXPECT_EQ(*datasets_->Delete("datasets/small"), first);
  EXPECT_EQ(datasets_->Identify("datasets/small").status().code(), absl::StatusCode::kNotFound);
  StoreDataset();
  const std::string second = *datasets_->Identify("datasets/small");
  EXPECT_NE(second, first);
  EXPECT_TRUE(datasets_->Load("datasets/small", second).ok());
  EXPECT_EQ(datasets_->Load("datasets/small", first).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DatasetStoreTest, NamesTheRowThatIsDamaged) {
  StoreDataset();
  const absl::Status damaged = database_->Write([](SQLite::Database& db) {
    db.exec("UPDATE datasets SET body = x'0AFF'");
    return absl::OkStatus();
  });
  ASSERT_TRUE(damaged.ok()) << damaged;
  for (const absl::Status& status : {datasets_->Get("datasets/small").status(), datasets_->List({}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("datasets/small"));
  }
}

TEST_F(DatasetStoreTest, TakesUpADirectoryOfTheFirstSchema) {
  StoreDataset();
  const std::string uid = *datasets_->Identify("datasets/small");
  v1::Dataset old = *datasets_->Get("datasets/small");
  old.clear_uid();
  const std::string body = old.SerializeAsString();
  const absl::Status downgraded = database_->Write([&](SQLite::Database& db) {
    SQLite::Statement update(db, "UPDATE datasets SET body = ?");
    update.bind(1, body.data(), static_cast<int>(body.size()));
    update.exec();
    ToSecondSchema(db);
    db.exec(
        "DROP INDEX models_by_dataset_uid; ALTER TABLE models DROP COLUMN dataset_uid;"
        "DROP TABLE dataset_descriptions; PRAGMA user_version = 1");
    return absl::OkStatus();
  });
  ASSERT_TRUE(downgraded.ok()) << downgraded;
  Reopen();
  auto migrated = datasets_->Get("datasets/small");
  ASSERT_TRUE(migrated.ok()) << migrated.status();
  EXPECT_EQ(migrated->uid(), uid);
  old.set_uid(uid);
  EXPECT_EQ(migrated->SerializeAsString(), old.SerializeAsString());
  EXPECT_TRUE(datasets_->Load("datasets/small").ok());
}

TEST_F(DatasetStoreTest, SweepsWhatAnInterruptedWriterLeft) {
  StoreDataset();
  const auto kept = DatasetFolder();
  for (const char* leftover : {"writing-abc", "renamedbutnorow"}) {
    std::filesystem::create_directories(directory_.path() / "datasets" / leftover);
    std::ofstream(directory_.path() / "datasets" / leftover / "features.bin") << "half";
  }
  Reopen();
  EXPECT_EQ(DatasetFolder(), kept);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path() / "datasets"), {}), 1);
  EXPECT_TRUE(datasets_->Load("datasets/small").ok());
}

TEST_F(DatasetStoreTest, ListsNewestFirstWithoutFittedNumbers) {
  for (const char* name : {"datasets/a", "datasets/b", "datasets/c"}) {
    v1::Dataset metadata;
    metadata.set_name(name);
    metadata.add_transforms()->add_mean(4);
    ASSERT_TRUE(datasets_->Create(metadata, SmallDataset()).ok());
  }
  auto page = datasets_->List({2, ""});
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[0].name(), "datasets/c");
  EXPECT_EQ(page->items[1].name(), "datasets/b");
  ASSERT_EQ(page->items[0].transforms_size(), 1);
  EXPECT_EQ(page->items[0].transforms(0).mean_size(), 0);
  // One that is new or gone between pages shifts nothing.
  StoreDataset("datasets/d");
  ASSERT_TRUE(datasets_->Delete("datasets/b").ok());
  auto rest = datasets_->List({2, page->next_token});
  ASSERT_TRUE(rest.ok()) << rest.status();
  ASSERT_EQ(rest->items.size(), 1U);
  EXPECT_EQ(rest->items[0].name(), "datasets/a");
  EXPECT_EQ(rest->next_token, "");
}

TEST_F(DatasetStoreTest, StoresAPartWithoutRows) {
  data::Dataset dataset = SmallDataset();
  dataset.test = data::Part();
  v1::Dataset metadata;
  metadata.set_name("datasets/no-test");
  ASSERT_TRUE(datasets_->Create(metadata, dataset).ok());
  auto loaded = datasets_->Load("datasets/no-test");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->test.rows(), 0);
}

}  // namespace
}  // namespace cvxnn::server
