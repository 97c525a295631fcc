// SPDX-License-Identifier: Apache-2.0
// What opening a data directory refuses, and what a transaction promises.
#include "server/store/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "server/store/schema.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

std::filesystem::path FileIn(const TemporaryDirectory& directory) { return directory.path() / "cvxnn.sqlite3"; }

TEST(Database, CreatesTheDataDirectory) {
  TemporaryDirectory directory;
  const auto data_dir = directory.path() / "a" / "b";
  auto database = Database::Open(data_dir);
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_TRUE(std::filesystem::exists(data_dir / "cvxnn.sqlite3"));
}

TEST(Database, RefusesADirectoryThatAnotherHolds) {
  TemporaryDirectory directory;
  auto first = Database::Open(directory.path());
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = Database::Open(directory.path());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use by another server"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(getpid())));
  first->reset();
  EXPECT_TRUE(Database::Open(directory.path()).ok());
}

TEST(Database, RefusesANewerSchema) {
  TemporaryDirectory directory;
  ASSERT_TRUE(Database::Open(directory.path()).ok());
  SQLite::Database(FileIn(directory).string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
  auto opened = Database::Open(directory.path());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("schema version 999"));
}

TEST(Database, RefusesTheDatabaseOfAnotherProgram) {
  TemporaryDirectory directory;
  SQLite::Database(FileIn(directory).string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t (x)");
  auto opened = Database::Open(directory.path());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("another program"));
}

std::string Contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Database, LeavesTheDatabaseOfAnotherProgramAsItIs) {
  TemporaryDirectory directory;
  SQLite::Database(FileIn(directory).string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t (x)");
  const std::string before = Contents(FileIn(directory));
  EXPECT_FALSE(Database::Open(directory.path()).ok());
  // The write-ahead log would be switched on in the file's header.
  EXPECT_EQ(Contents(FileIn(directory)), before);
}

TEST(Database, SaysWhatAnErrorOfSqliteMeans) {
  TemporaryDirectory directory;
  auto database = Database::Open(directory.path());
  ASSERT_TRUE(database.ok()) << database.status();
  for (const auto& [code, expected] : {std::pair{SQLITE_FULL, absl::StatusCode::kResourceExhausted},
                                       {SQLITE_NOMEM, absl::StatusCode::kResourceExhausted},
                                       {SQLITE_IOERR, absl::StatusCode::kDataLoss},
                                       {SQLITE_IOERR_READ, absl::StatusCode::kDataLoss},
                                       {SQLITE_CORRUPT, absl::StatusCode::kDataLoss},
                                       {SQLITE_READONLY, absl::StatusCode::kPermissionDenied},
                                       {SQLITE_ERROR, absl::StatusCode::kInternal}}) {
    const absl::Status status = (*database)->Write(
        [&, thrown = code](SQLite::Database&) -> absl::Status { throw SQLite::Exception("x", thrown); });
    EXPECT_EQ(status.code(), expected) << code;
  }
}

TEST(Database, CallsAFileThatIsNoDatabaseDataLoss) {
  TemporaryDirectory directory;
  std::ofstream(FileIn(directory)) << std::string(8192, 'x');
  auto opened = Database::Open(directory.path());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
}

TEST(Database, KeepsItsSchemaVersionWhenOpenedAgain) {
  TemporaryDirectory directory;
  for (int i = 0; i < 2; ++i) {
    auto database = Database::Open(directory.path());
    ASSERT_TRUE(database.ok()) << database.status();
    int version = 0;
    const absl::Status read = (*database)->Read([&](SQLite::Database& db) {
      version = db.execAndGet("PRAGMA user_version").getInt();
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_EQ(version, SchemaVersion());
  }
}

TEST(Database, RollsBackWhatABodyRefuses) {
  TemporaryDirectory directory;
  auto database = Database::Open(directory.path());
  ASSERT_TRUE(database.ok()) << database.status();
  const auto insert = [](SQLite::Database& db) {
    db.exec("INSERT INTO datasets (name, directory, body) VALUES ('datasets/a', 'a', '')");
  };
  const absl::Status refused = (*database)->Write([&](SQLite::Database& db) {
    insert(db);
    return absl::AbortedError("no");
  });
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  const absl::Status thrown = (*database)->Write([&](SQLite::Database& db) {
    insert(db);
    db.exec("this is not SQL");
    return absl::OkStatus();
  });
  EXPECT_EQ(thrown.code(), absl::StatusCode::kInternal);
  int rows = -1;
  ASSERT_TRUE((*database)
                  ->Read([&](SQLite::Database& db) {
                    rows = db.execAndGet("SELECT count(*) FROM datasets").getInt();
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(rows, 0);
}

TEST(Database, RefusesToWriteWhileReading) {
  TemporaryDirectory directory;
  auto database = Database::Open(directory.path());
  ASSERT_TRUE(database.ok()) << database.status();
  const absl::Status status = (*database)->Read([](SQLite::Database& db) {
    db.exec("DELETE FROM datasets");
    return absl::OkStatus();
  });
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace cvxnn::server
