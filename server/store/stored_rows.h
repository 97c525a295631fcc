// SPDX-License-Identifier: Apache-2.0
// What data sets, jobs and models have in common in the database: a table of named rows, numbered in the order of their
// creation, whose column `body` is the serialised message of the contract.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/store/database.h"
#include "server/store/page.h"
#include "server/store/row_filter.h"

namespace cvxnn::server {

/// The message in a column. DATA_LOSS naming the row ("the row of jobs/one") when the bytes are no such message.
template <typename Message>
absl::StatusOr<Message> ParseBody(const SQLite::Column& body, const std::string& row) {
  Message message;
  if (!message.ParseFromArray(body.getBlob(), body.getBytes())) {
    return absl::DataLossError(absl::StrCat("the database is damaged: ", row, " cannot be read"));
  }
  return message;
}

/// What distinguishes the tables from each other.
struct NamedTable {
  const char* name;     ///< in SQL, e.g. "jobs"
  const char* subject;  ///< of one row, for messages, e.g. "job"
};

/// "jobs/one: no such job".
inline absl::Status NoSuchRow(const NamedTable& table, const std::string& name) {
  return absl::NotFoundError(absl::StrCat(name, ": no such ", table.subject));
}

/// The message of the row `name`. NOT_FOUND; DATA_LOSS.
template <typename Message>
absl::StatusOr<Message> GetNamed(const Database& database, const NamedTable& table, const std::string& name) {
  absl::StatusOr<Message> message = NoSuchRow(table, name);
  absl::Status read = database.Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, absl::StrCat("SELECT body FROM ", table.name, " WHERE name = ?"));
    query.bind(1, name);
    if (query.executeStep()) message = ParseBody<Message>(query.getColumn(0), absl::StrCat("the row of ", name));
    return message.status();
  });
  if (!read.ok()) return read;
  return message;
}

/// One page of a table, newest first. `list` names the list and its filter, for tokens. INVALID_ARGUMENT: bad page size
/// or token. DATA_LOSS naming the row.
template <typename Message>
absl::StatusOr<Page<Message>> ListNamed(const Database& database, const NamedTable& table, const RowFilter& filter,
                                        const PageRequest& request, const std::string& list) {
  auto start = ParsePageRequest(request, list);
  if (!start.ok()) return start.status();
  Page<Message> page;
  absl::Status read = database.Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, absl::StrCat("SELECT number, name, body FROM ", table.name, " WHERE number < ?",
                                             filter.conditions, " ORDER BY number DESC LIMIT ?"));
    int index = 1;
    query.bind(index++, start->before);
    for (const std::string& value : filter.values) query.bind(index++, value);
    query.bind(index, start->size + 1);
    std::int64_t last = 0;
    while (query.executeStep()) {
      if (page.items.size() == static_cast<std::size_t>(start->size)) {
        page.next_token = MakePageToken(last, list);
        break;
      }
      last = query.getColumn(0).getInt64();
      auto message =
          ParseBody<Message>(query.getColumn(2), absl::StrCat("the row of ", query.getColumn(1).getString()));
      if (!message.ok()) return message.status();
      page.items.push_back(*std::move(message));
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return page;
}

}  // namespace cvxnn::server
