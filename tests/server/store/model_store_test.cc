// SPDX-License-Identifier: Apache-2.0
// Weights become models with their job's commit, and come back bit for bit or not at all.
#include "server/store/model_store.h"

#include <ATen/ATen.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "core/network/network.h"
#include "server/store/dataset_description.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

class ModelStoreTest : public StoreTest {
 protected:
  ModelStoreTest() {
    StoreDataset();
    StoreJob(MakeJob("jobs/one"));
    network_.activation = Activation::kGated;
    const auto options = at::TensorOptions().dtype(at::kFloat).device(at::kCPU);
    network_.first_layer = at::arange(6, options).reshape({2, 3}) / 7;
    network_.second_layer = at::arange(3, options).reshape({3, 1}) / 3;
    network_.gates = at::ones({2, 3}, options);
  }

  ModelStore::Unwritten Unwritten() const {
    v1::Model metadata;
    metadata.set_job("jobs/one");
    metadata.set_inputs(2);
    return {metadata, &network_};
  }
  WrittenModel WriteModel() {
    auto written = models_->Write({Unwritten()});
    EXPECT_TRUE(written.ok()) << written.status();
    return written->at(0);
  }

  std::filesystem::path FileOf(const std::string& name) const {
    return directory_.path() / (absl::StrCat(name, ".safetensors"));
  }

  Network network_;
};

TEST_F(ModelStoreTest, IsInvisibleUntilTheJobIsCommitted) {
  const WrittenModel written = WriteModel();
  const std::string& name = written.metadata.name();
  EXPECT_TRUE(std::filesystem::exists(FileOf(name)));
  EXPECT_EQ(models_->Get(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(models_->Load(name).status().code(), absl::StatusCode::kNotFound);
  EndJob("jobs/one", {written});
  auto got = models_->Get(name);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->inputs(), 2);
  EXPECT_EQ(got->stored_bytes(), static_cast<std::int64_t>(std::filesystem::file_size(FileOf(name))));
}

TEST_F(ModelStoreTest, GivesBackTheWeightsAfterARestart) {
  const WrittenModel written = WriteModel();
  EndJob("jobs/one", {written});
  Reopen();
  auto network = models_->Load(written.metadata.name());
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->activation, Activation::kGated);
  EXPECT_TRUE(network->first_layer.equal(network_.first_layer));
  EXPECT_TRUE(network->second_layer.equal(network_.second_layer));
  EXPECT_TRUE(network->gates.equal(network_.gates));
  auto file = models_->OpenFile(written.metadata.name());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(static_cast<std::int64_t>((*file)->left()), written.metadata.stored_bytes());
}

TEST_F(ModelStoreTest, NamesTheDamagedFile) {
  const WrittenModel written = WriteModel();
  EndJob("jobs/one", {written});
  FlipBit(FileOf(written.metadata.name()), written.metadata.stored_bytes() - 2);
  auto network = models_->Load(written.metadata.name());
  EXPECT_EQ(network.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(network.status().message()), HasSubstr(FileOf(written.metadata.name()).string()));
}

TEST_F(ModelStoreTest, SweepsWeightsThatNeverBecameAModel) {
  const WrittenModel kept = WriteModel();
  EndJob("jobs/one", {kept});
  const WrittenModel lost = WriteModel();
  Reopen();
  EXPECT_TRUE(std::filesystem::exists(FileOf(kept.metadata.name())));
  EXPECT_FALSE(std::filesystem::exists(FileOf(lost.metadata.name())));
}

TEST_F(ModelStoreTest, GoesWithItsJob) {
  const WrittenModel written = WriteModel();
  EndJob("jobs/one", {written});
  auto deleted = jobs_->Delete("jobs/one");
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(*deleted, testing::ElementsAre(written.file));
  EXPECT_EQ(models_->Get(written.metadata.name()).status().code(), absl::StatusCode::kNotFound);
  models_->RemoveFile(written.file);
  EXPECT_FALSE(std::filesystem::exists(FileOf(written.metadata.name())));
}

TEST_F(ModelStoreTest, KeepsTheDescriptionOfItsDataAsLongAsAModelNeedsIt) {
  data::Description description;
  description.transforms.push_back({data::PrincipalComponents{1}, {1, 2}, {}, {0.6, 0.8}});
  const auto encoded = std::make_shared<const std::string>(EncodeDescription(description));
  const auto described = [&] {
    WrittenModel written = WriteModel();
    written.metadata.set_dataset_uid("u");
    written.description = encoded;
    return written;
  };
  StoreJob(MakeJob("jobs/two"));
  const WrittenModel one = described(), two = described(), other = described();
  EndJob("jobs/one", {one, two});
  EndJob("jobs/two", {other});
  ASSERT_TRUE(datasets_->Delete("datasets/small").ok());
  ASSERT_TRUE(jobs_->Delete("jobs/one").ok());
  Reopen();
  auto kept = models_->LoadDescription(other.metadata.name());
  ASSERT_TRUE(kept.ok() && kept->has_value()) << kept.status();
  EXPECT_THAT((*kept)->transforms.at(0).projection, testing::ElementsAre(0.6, 0.8));
  ASSERT_TRUE(jobs_->Delete("jobs/two").ok());
  EXPECT_EQ(models_->LoadDescription(other.metadata.name()).status().code(), absl::StatusCode::kNotFound);
  int left = -1;
  const absl::Status counted = database_->Read([&](SQLite::Database& db) {
    left = db.execAndGet("SELECT count(*) FROM dataset_descriptions").getInt();
    return absl::OkStatus();
  });
  ASSERT_TRUE(counted.ok()) << counted;
  EXPECT_EQ(left, 0);
}

TEST_F(ModelStoreTest, SaysWhenNoDescriptionWasKept) {
  const WrittenModel written = WriteModel();
  EndJob("jobs/one", {written});
  auto none = models_->LoadDescription(written.metadata.name());
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
}

TEST_F(ModelStoreTest, ListsByJob) {
  StoreJob(MakeJob("jobs/two"));
  EndJob("jobs/one", {WriteModel(), WriteModel()});
  EndJob("jobs/two", {WriteModel()});
  EXPECT_EQ(models_->List("", false, {})->items.size(), 3U);
  EXPECT_EQ(models_->List("jobs/two", false, {})->items.size(), 1U);
  auto page = models_->List("jobs/one", false, {1, ""});
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_NE(page->next_token, "");
  EXPECT_EQ(models_->List("jobs/two", false, {1, page->next_token}).status().code(),
            absl::StatusCode::kInvalidArgument);
  auto rest = models_->List("jobs/one", false, {1, page->next_token});
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->items.size(), 1U);
  EXPECT_NE(rest->items[0].name(), page->items[0].name());
}

TEST_F(ModelStoreTest, ListsSnapshotsWhenAsked) {
  ModelStore::Unwritten early = Unwritten(), late = Unwritten();
  early.metadata.set_snapshot(true);
  early.metadata.set_trial(4);
  early.metadata.mutable_metrics()->set_epoch(10);
  auto written = models_->Write({early, late});
  ASSERT_TRUE(written.ok()) << written.status();
  EndJob("jobs/one", *written);
  auto ends = models_->List("jobs/one", false, {});
  ASSERT_TRUE(ends.ok()) << ends.status();
  ASSERT_EQ(ends->items.size(), 1U);
  EXPECT_EQ(ends->items[0].name(), written->at(1).metadata.name());
  EXPECT_EQ(models_->List("jobs/one", true, {})->items.size(), 2U);
  EXPECT_EQ(models_->List("", false, {})->items.size(), 1U);
  EXPECT_THAT(*models_->Snapshots("jobs/one"), testing::ElementsAre(testing::Pair(4, 10)));
  // A token of one list is none of the other.
  const auto page = models_->List("", true, {1, ""});
  EXPECT_FALSE(models_->List("", false, {1, page->next_token}).ok());
}

TEST_F(ModelStoreTest, KeepsThousandsOfModelsInOneFile) {
  constexpr int kModels = 3000;
  std::vector<Network> networks(kModels, network_);
  std::vector<ModelStore::Unwritten> models;
  for (int i = 0; i < kModels; ++i) {
    auto& network = networks[static_cast<std::size_t>(i)];
    network.second_layer = network.second_layer + i;
    models.push_back(Unwritten());
    models.back().metadata.set_trial(i);
    models.back().network = &network;
  }
  auto written = models_->Write(models);
  ASSERT_TRUE(written.ok()) << written.status();
  EndJob("jobs/one", *written);
  Reopen();
  for (const int i : {0, 1, 1234, kModels - 1}) {
    auto network = models_->Load(written->at(static_cast<std::size_t>(i)).metadata.name());
    ASSERT_TRUE(network.ok()) << network.status();
    EXPECT_TRUE(network->second_layer.equal(networks[static_cast<std::size_t>(i)].second_layer)) << i;
  }
  const std::filesystem::path folder = directory_.path() / "models";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  // A flipped bit is the loss of one model, not of its neighbours.
  const WrittenModel& hurt = written->at(7);
  FlipBit(folder / hurt.file, hurt.first_byte + hurt.metadata.stored_bytes() - 2);
  EXPECT_EQ(models_->Load(hurt.metadata.name()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(models_->Load(written->at(6).metadata.name()).ok());
  EXPECT_TRUE(models_->Load(written->at(8).metadata.name()).ok());
  std::filesystem::resize_file(folder / hurt.file, static_cast<std::uintmax_t>(hurt.first_byte) + 5);
  EXPECT_EQ(models_->Load(hurt.metadata.name()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(models_->Load(written->at(6).metadata.name()).ok());
  const auto files = jobs_->Delete("jobs/one");
  ASSERT_TRUE(files.ok() && files->size() == 1U) << files.status();
  models_->RemoveFile(files->at(0));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(ModelStoreTest, LeavesNothingOfModelsThatCannotBeWritten) {
  Network broken = network_;
  broken.second_layer = at::ones({4, 1}, at::TensorOptions().dtype(at::kFloat).device(at::kCPU));
  ModelStore::Unwritten second = Unwritten();
  second.network = &broken;
  EXPECT_FALSE(models_->Write({Unwritten(), second}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "models"));
}

TEST_F(ModelStoreTest, FindsTheWeightsOfADatabaseOfAnEarlierVersion) {
  const WrittenModel written = WriteModel();
  EndJob("jobs/one", {written});
  const absl::Status aged = database_->Write([&](SQLite::Database& db) {
    ToSecondSchema(db);
    return absl::OkStatus();
  });
  ASSERT_TRUE(aged.ok()) << aged;
  Reopen();
  auto network = models_->Load(written.metadata.name());
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_TRUE(network->first_layer.equal(network_.first_layer));
  EXPECT_EQ(models_->List("", false, {})->items.size(), 1U);
}

}  // namespace
}  // namespace cvxnn::server
