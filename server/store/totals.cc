// SPDX-License-Identifier: Apache-2.0
// See totals.h.
#include "server/store/totals.h"

#include <SQLiteCpp/SQLiteCpp.h>

namespace cvxnn::server {

absl::StatusOr<Totals> ReadTotals(const Database& database) {
  Totals totals;
  const absl::Status read = database.Read([&](SQLite::Database& db) {
    totals = Totals();
    SQLite::Statement jobs(db, "SELECT state, count(*) FROM jobs GROUP BY state");
    while (jobs.executeStep()) {
      totals.jobs[static_cast<v1::JobState>(jobs.getColumn(0).getInt())] = jobs.getColumn(1).getInt64();
    }
    totals.dataset_bytes =
        db.execAndGet("SELECT ifnull(sum(rows * cols * element_bytes), 0) FROM dataset_files").getInt64();
    totals.model_bytes = db.execAndGet("SELECT ifnull(sum(bytes), 0) FROM models").getInt64();
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return totals;
}

absl::StatusOr<std::int64_t> ReadBytesOf(const Database& database, const std::string& creator) {
  std::int64_t bytes = 0;
  const absl::Status read = database.Read([&](SQLite::Database& db) {
    bytes = 0;
    for (const char* sum :
         {"SELECT ifnull(sum(rows * cols * element_bytes), 0) FROM datasets JOIN dataset_files ON dataset = number "
          "WHERE creator = ?",
          "SELECT ifnull(sum(models.bytes), 0) FROM jobs JOIN models ON models.job = jobs.number WHERE creator = ?"}) {
      SQLite::Statement query(db, sum);
      query.bind(1, creator);
      query.executeStep();
      bytes += query.getColumn(0).getInt64();
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return bytes;
}

}  // namespace cvxnn::server
