// SPDX-License-Identifier: Apache-2.0
// The schema as a list of migrations: migration i brings version i to version i + 1. A released migration is never
// edited; a change of the schema is one more entry.
#include "server/store/schema.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>

#include "absl/strings/str_cat.h"

namespace cvxnn::server {
namespace {

// "cvxn" in ASCII, so that `file` and SQLite's tools can tell what the database is.
constexpr int kApplicationId = 0x6376786e;

// `number` counts creations and orders lists; AUTOINCREMENT because a page token must not meet a number used twice.
// `body` is the serialised message of the contract; other columns repeat what queries look at.
constexpr std::array kMigrations = {
    R"sql(
  CREATE TABLE datasets (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL UNIQUE,
    directory TEXT NOT NULL UNIQUE,
    body      BLOB NOT NULL
  );
  CREATE TABLE dataset_files (
    dataset INTEGER NOT NULL REFERENCES datasets (number) ON DELETE CASCADE,
    file    TEXT NOT NULL,
    rows    INTEGER NOT NULL,
    cols    INTEGER NOT NULL,
    element_bytes INTEGER NOT NULL,
    crc32   INTEGER NOT NULL,
    PRIMARY KEY (dataset, file)
  ) WITHOUT ROWID;

  CREATE TABLE jobs (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    dataset       TEXT NOT NULL,
    experiment    TEXT NOT NULL,
    state         INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    request_id    TEXT UNIQUE,
    request_body  BLOB,
    body          BLOB NOT NULL
  );
  CREATE INDEX jobs_by_state ON jobs (state, number);
  CREATE INDEX jobs_by_dataset ON jobs (dataset, number);
  CREATE INDEX jobs_by_experiment ON jobs (experiment, number);
  CREATE TABLE job_labels (
    job   INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job, key)
  ) WITHOUT ROWID;
  CREATE INDEX job_labels_by_value ON job_labels (key, value, job);
  CREATE TABLE job_events (
    id            INTEGER PRIMARY KEY,
    job           INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    last_sequence INTEGER NOT NULL,
    body          BLOB NOT NULL,
    UNIQUE (job, last_sequence)
  );

  CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE,
    job    INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    crc32  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    body   BLOB NOT NULL
  );
  CREATE INDEX models_by_job ON models (job, number);
)sql",
    // Models keep what their data set's transforms learned, once per data set. The folder
    // of a data set is its uid: x'8A010C' begins a field of 12 bytes with number 17.
    R"sql(
  CREATE TABLE dataset_descriptions (
    uid  TEXT PRIMARY KEY,
    body BLOB NOT NULL
  );
  ALTER TABLE models ADD COLUMN dataset_uid TEXT NOT NULL DEFAULT '';
  CREATE INDEX models_by_dataset_uid ON models (dataset_uid);
  UPDATE datasets SET body = CAST(body || x'8A010C' || directory AS BLOB);
)sql",
    // Weights of many models share a file; models on the way are told from those that jobs ended with.
    R"sql(
  ALTER TABLE models ADD COLUMN file TEXT NOT NULL DEFAULT '';
  ALTER TABLE models ADD COLUMN first_byte INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE models ADD COLUMN snapshot INTEGER NOT NULL DEFAULT 0;
  UPDATE models SET file = substr(name, length('models/') + 1) || '.safetensors';
  DROP INDEX models_by_job;
  CREATE INDEX models_by_job ON models (job, snapshot, number);
)sql",
    // When jobs that ended are to be deleted: microseconds since 1970, NULL for never.
    R"sql(
  ALTER TABLE jobs ADD COLUMN expire_time INTEGER;
  CREATE INDEX jobs_by_expire_time ON jobs (expire_time) WHERE expire_time IS NOT NULL;
)sql",
    // Whose it is, for quotas; and by which upload it was made, for those whose answer was lost.
    R"sql(
  ALTER TABLE jobs ADD COLUMN creator TEXT NOT NULL DEFAULT '';
  CREATE INDEX jobs_by_creator ON jobs (creator);
  ALTER TABLE datasets ADD COLUMN creator TEXT NOT NULL DEFAULT '';
  CREATE INDEX datasets_by_creator ON datasets (creator);
  ALTER TABLE datasets ADD COLUMN upload_id TEXT;
  ALTER TABLE datasets ADD COLUMN upload_digest INTEGER;
  CREATE UNIQUE INDEX datasets_by_upload ON datasets (creator, upload_id) WHERE upload_id IS NOT NULL;
)sql"};

int Pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(absl::StrCat("PRAGMA ", name)).getInt();
}

}  // namespace

int SchemaVersion() { return static_cast<int>(kMigrations.size()); }

absl::Status CheckSchema(SQLite::Database& database) {
  const int version = Pragma(database, "user_version");
  const int tables = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt();
  if ((version != 0 || tables != 0) && Pragma(database, "application_id") != kApplicationId) {
    return absl::FailedPreconditionError(
        absl::StrCat(database.getFilename(), " is a database of another program: name another data directory"));
  }
  if (version > SchemaVersion()) {
    return absl::FailedPreconditionError(absl::StrCat(database.getFilename(), " has schema version ", version,
                                                      ", this server knows up to ", SchemaVersion(),
                                                      ": start a newer server, or name another data directory"));
  }
  return absl::OkStatus();
}

void Migrate(SQLite::Database& database) {
  const int version = Pragma(database, "user_version");
  if (version == SchemaVersion()) return;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (int next = version; next < SchemaVersion(); ++next) database.exec(kMigrations[static_cast<std::size_t>(next)]);
  database.exec(absl::StrCat("PRAGMA application_id = ", kApplicationId));
  database.exec(absl::StrCat("PRAGMA user_version = ", SchemaVersion()));
  transaction.commit();
}

}  // namespace cvxnn::server
