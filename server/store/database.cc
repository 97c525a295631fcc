// SPDX-License-Identifier: Apache-2.0
// Opens the database and turns SQLite's exceptions into a Status.
#include "server/store/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checked_file.h"
#include "server/store/schema.h"

namespace cvxnn::server {
namespace {

// A backup tool may hold the file for a moment; nobody else shares the data directory.
constexpr int kBusyMilliseconds = 5000;
// Enough for the last records of a job, its buffer full of epochs included.
constexpr std::int64_t kReserveBytes = std::int64_t{4} << 20;

absl::Status SqliteStatus(const SQLite::Exception& error, const std::filesystem::path& data_dir) {
  const std::string message = absl::StrCat("database ", (data_dir / "cvxnn.sqlite3").string(), ": ", error.what());
  // The low byte says what happened, the others where.
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_IOERR:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

Database::Database(std::filesystem::path data_dir, DirectoryLock lock)
    : data_dir_(std::move(data_dir)), lock_(std::move(lock)) {}

Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::filesystem::path& data_dir) {
  if (absl::Status created = CreateDirectoriesSynced(data_dir); !created.ok()) return created;
  auto lock = DirectoryLock::Acquire(data_dir);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<Database> database(new Database(data_dir, std::move(*lock)));
  try {
    const std::string file = (data_dir / "cvxnn.sqlite3").string();
    auto writer = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    writer->setBusyTimeout(kBusyMilliseconds);
    // Before anything is changed: the file may belong to another program.
    if (absl::Status known = CheckSchema(*writer); !known.ok()) return known;
    if (writer->execAndGet("PRAGMA journal_mode = WAL").getString() != "wal") {
      return absl::FailedPreconditionError(absl::StrCat(
          file, ": the file system does not support SQLite's write-ahead log (shared memory): use a local directory"));
    }
    writer->exec("PRAGMA synchronous = FULL");
    Migrate(*writer);
    writer->exec("PRAGMA foreign_keys = ON");
    auto reader = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE);
    reader->setBusyTimeout(kBusyMilliseconds);
    reader->exec("PRAGMA query_only = ON");
    // Locked for the analysis alone: nobody else has the object yet.
    absl::MutexLock write(&database->write_mutex_);
    absl::MutexLock read(&database->read_mutex_);
    database->writer_ = std::move(writer);
    database->reserve_ = std::make_unique<Reserve>(data_dir / "reserve", kReserveBytes);
    database->reader_ = std::move(reader);
  } catch (const SQLite::Exception& exception) {
    return SqliteStatus(exception, data_dir);
  }
  if (absl::Status synced = SyncDirectory(data_dir); !synced.ok()) return synced;
  return database;
}

absl::Status Database::Write(const Body& body, Room room) {
  absl::MutexLock lock(&write_mutex_);
  absl::Status status = WriteOnce(body);
  if (absl::IsResourceExhausted(status) && room == Room::kReserve && reserve_->GiveUp()) status = WriteOnce(body);
  // Before anyone else takes the room; what is missing now is taken after a later transaction.
  reserve_->Fill();
  return status;
}

absl::Status Database::WriteOnce(const Body& body) {
  try {
    SQLite::Transaction transaction(*writer_, SQLite::TransactionBehavior::IMMEDIATE);
    absl::Status status = body(*writer_);
    if (status.ok()) transaction.commit();
    return status;
  } catch (const SQLite::Exception& exception) {
    return SqliteStatus(exception, data_dir_);
  }
}

absl::Status Database::Read(const Body& body) const {
  absl::MutexLock lock(&read_mutex_);
  try {
    // A deferred transaction: all statements of `body` see the same state.
    SQLite::Transaction transaction(*reader_);
    absl::Status status = body(*reader_);
    transaction.commit();
    return status;
  } catch (const SQLite::Exception& exception) {
    return SqliteStatus(exception, data_dir_);
  }
}

}  // namespace cvxnn::server
