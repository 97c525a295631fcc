// SPDX-License-Identifier: Apache-2.0
// Stores in a temporary directory that can be closed and opened again, and small things to put into them.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "server/store/dataset_store.h"
#include "server/store/job_store.h"
#include "server/store/model_store.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::server {

class StoreTest : public testing::Test {
 protected:
  StoreTest() { OpenStores(); }

  void OpenStores() {
    auto opened = Database::Open(directory_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    auto dataset_store = DatasetStore::Open(database_);
    ASSERT_TRUE(dataset_store.ok()) << dataset_store.status();
    datasets_ = *std::move(dataset_store);
    auto model_store = ModelStore::Open(database_);
    ASSERT_TRUE(model_store.ok()) << model_store.status();
    models_ = *std::move(model_store);
    jobs_ = std::make_unique<JobStore>(database_);
  }

  // As if the server had ended and started again.
  void Reopen() {
    jobs_ = nullptr;
    models_ = nullptr;
    datasets_ = nullptr;
    database_ = nullptr;
    OpenStores();
  }

  // Three training rows of two float32 features, one test row, targets ±1.
  static data::Dataset SmallDataset() {
    data::Dataset dataset;
    dataset.train.features = data::Matrix(data::RowMajor<float>{{0.5F, -1.0F}, {0.1F, 3.0F}, {-7.0F, 1e-30F}});
    dataset.train.targets = data::Matrix(data::RowMajor<double>{{1.0}, {-1.0}, {1.0}});
    dataset.test.features = data::Matrix(data::RowMajor<float>{{9.0F, 8.0F}});
    dataset.test.targets = data::Matrix(data::RowMajor<double>{{-1.0}});
    dataset.description.task = data::Task::kBinary;
    dataset.description.source = "three rows written by hand";
    dataset.description.class_names = {"no", "yes"};
    return dataset;
  }

  std::string StoreDataset(const std::string& name = "datasets/small") {
    v1::Dataset metadata;
    metadata.set_name(name);
    auto stored = datasets_->Create(metadata, SmallDataset());
    EXPECT_TRUE(stored.ok()) << stored.status();
    return name;
  }

  static v1::WatchJobResponse StateEvent(std::int64_t sequence, v1::JobState state) {
    v1::WatchJobResponse event;
    event.set_sequence(sequence);
    event.mutable_state_change()->set_state(state);
    return event;
  }

  // Epochs numbered like their records.
  static v1::WatchJobResponse EpochsEvent(std::int64_t first, std::int64_t last) {
    v1::WatchJobResponse event;
    event.set_sequence(last);
    event.mutable_metrics()->set_first_sequence(first);
    for (std::int64_t i = first; i <= last; ++i) event.mutable_metrics()->add_epochs()->set_epoch(i);
    return event;
  }

  static JobCommit MakeCommit(v1::Job job, const std::vector<v1::WatchJobResponse>& events) {
    JobCommit commit;
    commit.job = std::move(job);
    for (const auto& event : events) commit.events.push_back(std::make_shared<v1::WatchJobResponse>(event));
    if (!events.empty()) commit.job.set_last_sequence(events.back().sequence());
    return commit;
  }

  static v1::Job MakeJob(const std::string& name, const std::string& dataset = "datasets/small") {
    v1::Job job;
    job.set_name(name);
    job.mutable_spec()->set_dataset(dataset);
    job.mutable_spec()->set_beta(0.5);
    job.set_state(v1::JOB_STATE_QUEUED);
    job.set_attempt(1);
    return job;
  }

  v1::Job StoreJob(const v1::Job& job, const std::string& request_id = "") {
    auto created = jobs_->Create(MakeCommit(job, {StateEvent(1, v1::JOB_STATE_QUEUED)}), request_id);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->job : v1::Job();
  }

  // Ends a stored job whose log has `last` records.
  void EndJob(const std::string& name, std::vector<WrittenModel> models = {}) {
    auto job = jobs_->Get(name);
    ASSERT_TRUE(job.ok()) << job.status();
    job->set_state(v1::JOB_STATE_SUCCEEDED);
    JobCommit commit = MakeCommit(*job, {StateEvent(job->last_sequence() + 1, v1::JOB_STATE_SUCCEEDED)});
    commit.models = std::move(models);
    const absl::Status committed = jobs_->Commit(absl::MakeConstSpan(&commit, 1));
    ASSERT_TRUE(committed.ok()) << committed;
  }

  // Takes back what the versions of the schema after the second added.
  static void ToSecondSchema(SQLite::Database& db) {
    db.exec(
        "DROP INDEX jobs_by_creator; ALTER TABLE jobs DROP COLUMN creator; DROP INDEX datasets_by_creator;"
        "DROP INDEX datasets_by_upload; ALTER TABLE datasets DROP COLUMN upload_id;"
        "ALTER TABLE datasets DROP COLUMN upload_digest;"
        "ALTER TABLE datasets DROP COLUMN creator;"
        "DROP INDEX jobs_by_expire_time; ALTER TABLE jobs DROP COLUMN expire_time;"
        "DROP INDEX models_by_job; ALTER TABLE models DROP COLUMN file; ALTER TABLE models DROP COLUMN first_byte;"
        "ALTER TABLE models DROP COLUMN snapshot; CREATE INDEX models_by_job ON models (job, number);"
        "PRAGMA user_version = 2");
  }

  // Turns one bit of a file around.
  static void FlipBit(const std::filesystem::path& file, std::int64_t offset) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(offset);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(offset);
    stream.put(byte);
    ASSERT_TRUE(stream.good()) << file;
  }

  // The only folder under datasets/.
  std::filesystem::path DatasetFolder() const {
    return std::filesystem::directory_iterator(directory_.path() / "datasets")->path();
  }

  TemporaryDirectory directory_;
  std::shared_ptr<Database> database_;
  std::unique_ptr<DatasetStore> datasets_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<JobStore> jobs_;
};

}  // namespace cvxnn::server
