// SPDX-License-Identifier: Apache-2.0
// Jobs and their logs in SQLite. That a log has no hole and no repeat is checked in every commit, so a mistake
// elsewhere fails loudly instead of being stored.
#include "server/store/job_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/clock.h"
#include "server/store/job_filter.h"
#include "server/store/stored_rows.h"

namespace cvxnn::server {
namespace {

constexpr NamedTable kJobs = {"jobs", "job"};

void BindBlob(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::string RowOf(const std::string& name) { return absl::StrCat("the row of ", name); }

// What a request asked for, in one form however its maps are ordered: two requests are the same when these bytes are.
std::string RequestBody(const v1::Job& job) {
  const v1::Job asked = AskedOf(job);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    asked.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// The job that a request made before; nullopt when there is none.
absl::StatusOr<std::optional<JobStore::Created>> EarlierJob(SQLite::Database& db, const std::string& request_id,
                                                            const v1::Job& job) {
  SQLite::Statement query(db, "SELECT number, request_body, name, body FROM jobs WHERE request_id = ?");
  query.bind(1, request_id);
  if (!query.executeStep()) return std::nullopt;
  const std::string name = query.getColumn(2).getString();
  if (query.getColumn(1).getString() != RequestBody(job)) {
    return absl::AlreadyExistsError(
        absl::StrCat("request_id = \"", request_id, "\": was used for another job, ", name, ": use a new one"));
  }
  auto earlier = ParseBody<v1::Job>(query.getColumn(3), RowOf(name));
  if (!earlier.ok()) return earlier.status();
  return JobStore::Created{*std::move(earlier), query.getColumn(0).getInt64(), false};
}

void InsertLabels(SQLite::Database& db, std::int64_t number, const v1::Job& job) {
  SQLite::Statement insert(db, "INSERT INTO job_labels (job, key, value) VALUES (?, ?, ?)");
  for (const auto& [key, value] : job.labels()) {
    insert.bind(1, number);
    insert.bind(2, key);
    insert.bind(3, value);
    insert.exec();
    insert.reset();
  }
}

absl::Status InsertEvents(SQLite::Database& db, std::int64_t number, std::int64_t last_sequence,
                          const JobCommit& commit) {
  SQLite::Statement insert(db, "INSERT INTO job_events (job, last_sequence, body) VALUES (?, ?, ?)");
  for (const auto& event : commit.events) {
    if (FirstSequence(*event) != last_sequence + 1 || event->sequence() <= last_sequence) {
      return absl::InternalError(absl::StrCat(commit.job.name(), ": record ", FirstSequence(*event), " follows record ",
                                              last_sequence, " of its log"));
    }
    last_sequence = event->sequence();
    insert.bind(1, number);
    insert.bind(2, last_sequence);
    BindBlob(insert, 3, event->SerializeAsString());
    insert.exec();
    insert.reset();
  }
  if (last_sequence != commit.job.last_sequence()) {
    return absl::InternalError(absl::StrCat(commit.job.name(), ": its log ends at record ", last_sequence,
                                            ", the job says ", commit.job.last_sequence()));
  }
  return absl::OkStatus();
}

void InsertModels(SQLite::Database& db, std::int64_t number, const std::vector<WrittenModel>& models) {
  SQLite::Statement insert(db,
                           "INSERT INTO models (name, job, crc32, bytes, body, dataset_uid, file, first_byte, "
                           "snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  SQLite::Statement describe(db, "INSERT OR IGNORE INTO dataset_descriptions (uid, body) VALUES (?, ?)");
  for (const WrittenModel& model : models) {
    insert.bind(1, model.metadata.name());
    insert.bind(2, number);
    insert.bind(3, static_cast<std::int64_t>(model.crc32));
    insert.bind(4, static_cast<std::int64_t>(model.metadata.stored_bytes()));
    BindBlob(insert, 5, model.metadata.SerializeAsString());
    insert.bind(6, model.metadata.dataset_uid());
    insert.bind(7, model.file);
    insert.bind(8, static_cast<std::int64_t>(model.first_byte));
    insert.bind(9, model.metadata.snapshot() ? 1 : 0);
    insert.exec();
    insert.reset();
    if (model.description == nullptr) continue;
    describe.bind(1, model.metadata.dataset_uid());
    BindBlob(describe, 2, *model.description);
    describe.exec();
    describe.reset();
  }
}

absl::Status CommitOne(SQLite::Database& db, const JobCommit& commit) {
  SQLite::Statement query(db, "SELECT number, last_sequence FROM jobs WHERE name = ?");
  query.bind(1, commit.job.name());
  if (!query.executeStep()) return NoSuchRow(kJobs, commit.job.name());
  const std::int64_t number = query.getColumn(0).getInt64();
  if (absl::Status inserted = InsertEvents(db, number, query.getColumn(1).getInt64(), commit); !inserted.ok()) {
    return inserted;
  }
  InsertModels(db, number, commit.models);
  SQLite::Statement update(db,
                           "UPDATE jobs SET state = ?1, last_sequence = ?2, body = ?3, expire_time = ?5 "
                           "WHERE number = ?4");
  update.bind(1, static_cast<int>(commit.job.state()));
  update.bind(2, static_cast<std::int64_t>(commit.job.last_sequence()));
  BindBlob(update, 3, commit.job.SerializeAsString());
  update.bind(4, number);
  if (commit.job.has_expire_time()) update.bind(5, absl::ToUnixMicros(FromProto(commit.job.expire_time())));
  update.exec();
  return absl::OkStatus();
}

}  // namespace

bool HasEnded(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED || state == v1::JOB_STATE_CANCELLED;
}

v1::Job AskedOf(const v1::Job& job) {
  v1::Job asked;
  asked.set_display_name(job.display_name());
  asked.set_experiment(job.experiment());
  *asked.mutable_labels() = job.labels();
  *asked.mutable_spec() = job.spec();
  asked.set_priority(job.priority());
  if (job.has_deadline()) *asked.mutable_deadline() = job.deadline();
  if (job.has_ttl()) *asked.mutable_ttl() = job.ttl();
  return asked;
}

JobStore::JobStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}

absl::StatusOr<JobStore::Created> JobStore::Create(const JobCommit& commit, const std::string& request_id) {
  Created created{commit.job, 0, true};
  absl::Status written = database_->Write([&](SQLite::Database& db) -> absl::Status {
    if (!request_id.empty()) {
      auto earlier = EarlierJob(db, request_id, commit.job);
      if (!earlier.ok()) return earlier.status();
      if (earlier->has_value()) {
        created = **std::move(earlier);
        return absl::OkStatus();
      }
    }
    SQLite::Statement dataset(db, "SELECT 1 FROM datasets WHERE name = ?");
    dataset.bind(1, commit.job.spec().dataset());
    if (!dataset.executeStep()) {
      return absl::NotFoundError(absl::StrCat(commit.job.spec().dataset(), ": no such data set"));
    }
    SQLite::Statement insert(db,
                             "INSERT INTO jobs (name, dataset, experiment, state, last_sequence, request_id, "
                             "request_body, creator, body) VALUES (?, ?, ?, ?, 0, ?, ?, ?, '')");
    insert.bind(1, commit.job.name());
    insert.bind(2, commit.job.spec().dataset());
    insert.bind(3, commit.job.experiment());
    insert.bind(4, static_cast<int>(commit.job.state()));
    if (!request_id.empty()) {
      insert.bind(5, request_id);
      BindBlob(insert, 6, RequestBody(commit.job));
    }
    insert.bind(7, commit.job.creator());
    insert.exec();
    created.number = db.getLastInsertRowid();
    InsertLabels(db, created.number, commit.job);
    return CommitOne(db, commit);
  });
  if (!written.ok()) return written;
  return created;
}

absl::StatusOr<v1::Job> JobStore::FindRequest(const std::string& request_id, const v1::Job& job) const {
  v1::Job found;
  absl::Status read = database_->Read([&](SQLite::Database& db) -> absl::Status {
    auto earlier = EarlierJob(db, request_id, job);
    if (!earlier.ok()) return earlier.status();
    if (!earlier->has_value()) return absl::NotFoundError(absl::StrCat("request_id = \"", request_id, "\": not used"));
    found = (**std::move(earlier)).job;
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return found;
}

absl::StatusOr<v1::Job> JobStore::Get(const std::string& name) const {
  return GetNamed<v1::Job>(*database_, kJobs, name);
}

absl::StatusOr<Page<v1::Job>> JobStore::List(const v1::JobFilter& filter, const PageRequest& request) const {
  return ListNamed<v1::Job>(*database_, kJobs, ToSql(filter), request, absl::StrCat("jobs ", CanonicalText(filter)));
}

absl::StatusOr<std::vector<JobStore::Created>> JobStore::ListUnfinished() const {
  std::vector<Created> jobs;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT number, name, body FROM jobs WHERE state IN (?, ?, ?) ORDER BY number");
    query.bind(1, static_cast<int>(v1::JOB_STATE_QUEUED));
    query.bind(2, static_cast<int>(v1::JOB_STATE_RUNNING));
    query.bind(3, static_cast<int>(v1::JOB_STATE_PAUSED));
    while (query.executeStep()) {
      auto job = ParseBody<v1::Job>(query.getColumn(2), RowOf(query.getColumn(1).getString()));
      if (!job.ok()) return job.status();
      jobs.push_back({*std::move(job), query.getColumn(0).getInt64(), false});
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return jobs;
}

absl::StatusOr<std::vector<std::pair<std::string, absl::Time>>> JobStore::ListExpiring() const {
  std::vector<std::pair<std::string, absl::Time>> jobs;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT name, expire_time FROM jobs WHERE expire_time IS NOT NULL");
    while (query.executeStep()) {
      jobs.emplace_back(query.getColumn(0).getString(), absl::FromUnixMicros(query.getColumn(1).getInt64()));
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return jobs;
}

absl::Status JobStore::Commit(absl::Span<const JobCommit> commits) {
  // Epochs can wait for room; that a job has ended, or is back in the queue, is what people wait for.
  const bool can_wait = std::any_of(commits.begin(), commits.end(), [](const JobCommit& commit) {
    return commit.job.state() == v1::JOB_STATE_RUNNING;
  });
  const auto write = [&](SQLite::Database& db) {
    for (const JobCommit& commit : commits) {
      if (absl::Status status = CommitOne(db, commit); !status.ok()) return status;
    }
    return absl::OkStatus();
  };
  return database_->Write(write, can_wait ? Database::Room::kOrdinary : Database::Room::kReserve);
}

absl::Status JobStore::AddModels(const std::string& job, const std::vector<WrittenModel>& models) {
  return database_->Write([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT number FROM jobs WHERE name = ?");
    query.bind(1, job);
    if (!query.executeStep()) return NoSuchRow(kJobs, job);
    InsertModels(db, query.getColumn(0).getInt64(), models);
    return absl::OkStatus();
  });
}

absl::StatusOr<JobStore::LogPart> JobStore::ReadLog(const std::string& name, std::int64_t after_sequence,
                                                    std::int64_t max_records, int epochs_per_event) const {
  LogPart part;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement job(db, "SELECT number, body FROM jobs WHERE name = ?");
    job.bind(1, name);
    if (!job.executeStep()) return NoSuchRow(kJobs, name);
    auto parsed = ParseBody<v1::Job>(job.getColumn(1), RowOf(name));
    if (!parsed.ok()) return parsed.status();
    part.job = *std::move(parsed);
    SQLite::Statement query(
        db, "SELECT last_sequence, body FROM job_events WHERE job = ? AND last_sequence > ? ORDER BY last_sequence");
    query.bind(1, job.getColumn(0).getInt64());
    query.bind(2, after_sequence);
    EventCollector collector(after_sequence, max_records, epochs_per_event);
    while (!collector.full() && query.executeStep()) {
      auto event = ParseBody<v1::WatchJobResponse>(
          query.getColumn(1), absl::StrCat("record ", query.getColumn(0).getInt64(), " of the log of ", name));
      if (!event.ok()) return event.status();
      collector.Add(std::make_shared<v1::WatchJobResponse>(*std::move(event)));
    }
    part.events = collector.Take();
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return part;
}

absl::StatusOr<std::int64_t> JobStore::CountEpochs(const std::string& name) const {
  std::int64_t epochs = 0;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement job(db, "SELECT number FROM jobs WHERE name = ?");
    job.bind(1, name);
    if (!job.executeStep()) return NoSuchRow(kJobs, name);
    SQLite::Statement query(db, "SELECT last_sequence, body FROM job_events WHERE job = ? ORDER BY last_sequence");
    query.bind(1, job.getColumn(0).getInt64());
    std::int64_t last = 0;
    while (query.executeStep()) {
      const std::int64_t records = query.getColumn(0).getInt64() - std::exchange(last, query.getColumn(0).getInt64());
      if (records > 1) {  // a change of state is alone
        epochs += records;
        continue;
      }
      auto event =
          ParseBody<v1::WatchJobResponse>(query.getColumn(1), absl::StrCat("record ", last, " of the log of ", name));
      if (!event.ok()) return event.status();
      epochs += event->metrics().epochs_size();
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return epochs;
}

absl::StatusOr<std::vector<std::string>> JobStore::Delete(const std::string& name) {
  std::vector<std::string> files;
  const auto erase_rows = [&](SQLite::Database& db) {
    files.clear();
    SQLite::Statement query(db, "SELECT number, state FROM jobs WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kJobs, name);
    const std::int64_t number = query.getColumn(0).getInt64();
    const auto state = static_cast<v1::JobState>(query.getColumn(1).getInt());
    if (!HasEnded(state)) {
      return absl::FailedPreconditionError(absl::StrCat(name,
                                                        state == v1::JOB_STATE_QUEUED ? " is queued" : " is running",
                                                        ": cancel it and wait for its end first"));
    }
    SQLite::Statement select(db, "SELECT DISTINCT file, dataset_uid FROM models WHERE job = ?");
    select.bind(1, number);
    std::string dataset_uid;
    while (select.executeStep()) {
      files.push_back(select.getColumn(0).getString());
      dataset_uid = select.getColumn(1).getString();
    }
    SQLite::Statement erase(db, "DELETE FROM jobs WHERE number = ?");
    erase.bind(1, number);
    erase.exec();
    // All models of a job know the same data set; the last model that does takes its description along.
    SQLite::Statement forget(db,
                             "DELETE FROM dataset_descriptions WHERE uid = ?1 AND NOT EXISTS "
                             "(SELECT 1 FROM models WHERE dataset_uid = ?1)");
    forget.bind(1, dataset_uid);
    forget.exec();
    return absl::OkStatus();
  };
  if (absl::Status deleted = database_->Write(erase_rows, Database::Room::kReserve); !deleted.ok()) return deleted;
  return files;
}

}  // namespace cvxnn::server
