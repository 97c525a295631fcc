// SPDX-License-Identifier: Apache-2.0
// The tables of the database and how older ones are brought up to date.
#pragma once

#include "absl/status/status.h"

namespace SQLite {
class Database;
}

namespace cvxnn::server {

/// Version of the schema that this program writes (PRAGMA user_version).
int SchemaVersion();

/// Whether Migrate may be called; reads only. FAILED_PRECONDITION: the database belongs to another program, or its
/// schema is newer than SchemaVersion(). Throws what SQLite throws.
absl::Status CheckSchema(SQLite::Database& database);

/// Creates the tables in an empty database, or applies the migrations that a database lacks, in one transaction. Throws
/// what SQLite throws.
void Migrate(SQLite::Database& database);

}  // namespace cvxnn::server
