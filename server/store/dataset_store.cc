// SPDX-License-Identifier: Apache-2.0
// Data sets on disk. Each has a folder of its own under datasets/, named by its uid, which is never used twice:
// deleting a data set and creating another of the same name cannot meet in one folder.
#include "server/store/dataset_store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cvxnn/v1/job.pb.h"
#include "server/store/checked_file.h"
#include "server/store/clock.h"
#include "server/store/dataset_description.h"
#include "server/store/random_id.h"
#include "server/store/stored_rows.h"

namespace cvxnn::server {
namespace {

constexpr char kDescriptionFile[] = "description.cbor";
constexpr char kWritingPrefix[] = "writing-";
constexpr std::size_t kJobsNamed = 5;

// One file of a data set, as its row in dataset_files.
struct StoredFile {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t element_bytes = 0;
  std::uint32_t crc32 = 0;
};

struct NamedArray {
  const char* file;
  const data::Matrix* matrix;
};

std::array<NamedArray, 4> Arrays(const data::Dataset& dataset) {
  return {{{"features.bin", &dataset.train.features},
           {"targets.bin", &dataset.train.targets},
           {"test_features.bin", &dataset.test.features},
           {"test_targets.bin", &dataset.test.targets}}};
}

data::Matrix* ArrayOf(const std::string& file, data::Dataset* dataset) {
  for (const NamedArray& array : Arrays(*dataset)) {
    if (file == array.file) return const_cast<data::Matrix*>(array.matrix);
  }
  return nullptr;
}

constexpr NamedTable kDatasets = {"datasets", "data set"};

absl::Status Taken(const std::string& name) {
  return absl::AlreadyExistsError(
      absl::StrCat(name, " exists already: choose another dataset_id, or delete the data set first"));
}

bool Exists(SQLite::Database& database, const std::string& name) {
  SQLite::Statement query(database, "SELECT 1 FROM datasets WHERE name = ?");
  query.bind(1, name);
  return query.executeStep();
}

std::array<StagedArrays::Array, 4> ArraysToStage(const data::Dataset& dataset) {
  const auto named = Arrays(dataset);
  std::array<StagedArrays::Array, 4> arrays;
  std::transform(named.begin(), named.end(), arrays.begin(), [](const NamedArray& array) {
    return StagedArrays::Array{array.file, array.matrix->data(), array.matrix->bytes()};
  });
  return arrays;
}

// Writes and syncs the description and what is left of the arrays.
absl::StatusOr<std::vector<StoredFile>> WriteFiles(const data::Dataset& dataset, StagedArrays* staged) {
  const std::filesystem::path& folder = staged->folder();
  auto checksums = staged->Sync();
  if (!checksums.ok()) return checksums.status();
  std::vector<StoredFile> files;
  for (std::size_t i = 0; i < checksums->size(); ++i) {
    const NamedArray array = Arrays(dataset)[i];
    const data::Matrix& matrix = *array.matrix;
    const std::int64_t element_bytes = matrix.type() == data::ElementType::kFloat32 ? 4 : 8;
    files.push_back({array.file, matrix.rows(), matrix.cols(), element_bytes, (*checksums)[i]});
  }
  const std::string description = EncodeDescription(dataset.description);
  auto crc = WriteSynced(folder / kDescriptionFile, description.data(), description.size());
  if (!crc.ok()) return crc.status();
  files.push_back({kDescriptionFile, 1, static_cast<std::int64_t>(description.size()), 1, *crc});
  if (absl::Status synced = SyncDirectory(folder); !synced.ok()) return synced;
  return files;
}

void InsertRows(SQLite::Database& database, const v1::Dataset& metadata, const std::string& directory,
                const std::vector<StoredFile>& files, const UploadKey& upload) {
  const std::string body = metadata.SerializeAsString();
  SQLite::Statement insert(database,
                           "INSERT INTO datasets (name, directory, body, creator, upload_id, upload_digest) "
                           "VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(1, metadata.name());
  insert.bind(2, directory);
  insert.bind(3, body.data(), static_cast<int>(body.size()));
  insert.bind(4, metadata.creator());
  if (!upload.upload_id.empty()) {
    insert.bind(5, upload.upload_id);
    insert.bind(6, static_cast<std::int64_t>(upload.digest.value_or(0)));
  }
  insert.exec();
  const std::int64_t number = database.getLastInsertRowid();
  SQLite::Statement insert_file(database,
                                "INSERT INTO dataset_files (dataset, file, rows, cols, element_bytes, crc32) "
                                "VALUES (?, ?, ?, ?, ?, ?)");
  for (const StoredFile& file : files) {
    insert_file.bind(1, number);
    insert_file.bind(2, file.name);
    insert_file.bind(3, file.rows);
    insert_file.bind(4, file.cols);
    insert_file.bind(5, file.element_bytes);
    insert_file.bind(6, static_cast<std::int64_t>(file.crc32));
    insert_file.exec();
    insert_file.reset();
  }
}

// Names of the jobs that keep a data set from being deleted.
std::vector<std::string> JobsUsing(SQLite::Database& database, const std::string& dataset) {
  SQLite::Statement query(database, "SELECT name FROM jobs WHERE dataset = ? AND state IN (?, ?) ORDER BY number");
  query.bind(1, dataset);
  query.bind(2, static_cast<int>(v1::JOB_STATE_QUEUED));
  query.bind(3, static_cast<int>(v1::JOB_STATE_RUNNING));
  std::vector<std::string> names;
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  return names;
}

}  // namespace

DatasetStore::DatasetStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}

absl::StatusOr<std::unique_ptr<DatasetStore>> DatasetStore::Open(std::shared_ptr<Database> database) {
  std::unique_ptr<DatasetStore> store(new DatasetStore(std::move(database)));
  if (absl::Status created = CreateDirectoriesSynced(store->Root()); !created.ok()) return created;
  absl::flat_hash_set<std::string> known;
  absl::Status read = store->database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT directory FROM datasets");
    while (query.executeStep()) known.insert(query.getColumn(0).getString());
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(store->Root(), error)) {
    if (!known.contains(entry.path().filename().string())) leftovers.push_back(entry.path());
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot list ", store->Root().string()));
  for (const auto& leftover : leftovers) RemoveAll(leftover);
  return store;
}

absl::Status DatasetStore::CheckNameFree(const std::string& name) const {
  return database_->Read([&](SQLite::Database& db) { return Exists(db, name) ? Taken(name) : absl::OkStatus(); });
}

absl::StatusOr<std::unique_ptr<StagedArrays>> DatasetStore::Stage(const data::Dataset& dataset) const {
  return StagedArrays::Begin(Root() / absl::StrCat(kWritingPrefix, RandomId()), ArraysToStage(dataset));
}

absl::StatusOr<v1::Dataset> DatasetStore::Create(v1::Dataset metadata, const data::Dataset& dataset,
                                                 std::unique_ptr<StagedArrays> staged, const UploadKey& upload) {
  if (metadata.name().empty()) metadata.set_name(absl::StrCat("datasets/", RandomId()));
  if (absl::Status is_free = CheckNameFree(metadata.name()); !is_free.ok()) return is_free;

  if (staged == nullptr) {
    auto begun = Stage(dataset);
    if (!begun.ok()) return begun.status();
    staged = *std::move(begun);
    for (std::size_t i = 0; i < Arrays(dataset).size(); ++i) staged->Arrived(i, Arrays(dataset)[i].matrix->bytes());
  }
  auto files = WriteFiles(dataset, staged.get());
  if (!files.ok()) return files.status();
  const std::string directory = RandomId();
  const std::filesystem::path final_folder = Root() / directory;
  absl::Cleanup remove = [&] { RemoveAll(final_folder); };
  if (absl::Status renamed = RenameSynced(staged->folder(), final_folder); !renamed.ok()) return renamed;

  std::int64_t bytes = 0;
  for (const StoredFile& file : *files) bytes += file.rows * file.cols * file.element_bytes;
  metadata.set_stored_bytes(bytes);
  metadata.set_uid(directory);
  *metadata.mutable_create_time() = TimestampNow();
  absl::Status inserted = database_->Write([&](SQLite::Database& db) {
    if (Exists(db, metadata.name())) return Taken(metadata.name());
    InsertRows(db, metadata, directory, *files, upload);
    return absl::OkStatus();
  });
  if (!inserted.ok()) return inserted;
  std::move(remove).Cancel();
  return metadata;
}

absl::StatusOr<v1::Dataset> DatasetStore::Get(const std::string& name) const {
  return GetNamed<v1::Dataset>(*database_, kDatasets, name);
}

absl::StatusOr<v1::Dataset> DatasetStore::FindUpload(const UploadKey& upload) const {
  absl::StatusOr<v1::Dataset> found = absl::NotFoundError("upload_id: no data set was made by it");
  const absl::Status read = database_->Read([&](SQLite::Database& db) -> absl::Status {
    SQLite::Statement query(db, "SELECT name, body, upload_digest FROM datasets WHERE creator = ? AND upload_id = ?");
    query.bind(1, upload.creator);
    query.bind(2, upload.upload_id);
    if (!query.executeStep()) return found.status();
    const std::string name = query.getColumn(0).getString();
    if (upload.digest.has_value() && query.getColumn(2).getInt64() != std::int64_t{*upload.digest}) {
      return absl::AlreadyExistsError(
          absl::StrCat(name, " was made by another upload of this upload_id: use a new one"));
    }
    found = ParseBody<v1::Dataset>(query.getColumn(1), absl::StrCat("the row of ", name));
    return found.status();
  });
  if (!read.ok()) return read;
  return found;
}

absl::StatusOr<std::string> DatasetStore::Identify(const std::string& name) const {
  std::string uid;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT directory FROM datasets WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kDatasets, name);
    uid = query.getColumn(0).getString();
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return uid;
}

absl::StatusOr<Page<v1::Dataset>> DatasetStore::List(const PageRequest& request) const {
  auto page = ListNamed<v1::Dataset>(*database_, kDatasets, {}, request, "datasets");
  if (!page.ok()) return page;
  for (v1::Dataset& dataset : page->items) {
    for (v1::FittedTransform& fitted : *dataset.mutable_transforms()) {
      fitted.clear_mean();
      fitted.clear_scale();
    }
  }
  return page;
}

absl::StatusOr<data::Dataset> DatasetStore::Load(const std::string& name, const std::string& uid) const {
  std::string directory;
  std::vector<StoredFile> files;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db,
                            "SELECT directory, file, rows, cols, element_bytes, crc32 FROM datasets "
                            "JOIN dataset_files ON dataset = number WHERE name = ?1 AND (?2 = '' OR directory = ?2)");
    query.bind(1, name);
    query.bind(2, uid);
    while (query.executeStep()) {
      directory = query.getColumn(0).getString();
      files.push_back({query.getColumn(1).getString(), query.getColumn(2).getInt64(), query.getColumn(3).getInt64(),
                       query.getColumn(4).getInt64(), static_cast<std::uint32_t>(query.getColumn(5).getInt64())});
    }
    return files.empty() ? NoSuchRow(kDatasets, name) : absl::OkStatus();
  });
  if (!read.ok()) return read;

  data::Dataset dataset;
  for (const StoredFile& file : files) {
    const std::filesystem::path path = Root() / directory / file.name;
    absl::Status status;
    if (file.name == kDescriptionFile) {
      std::string bytes(static_cast<std::size_t>(file.cols), '\0');
      status = ReadChecked(path, file.crc32, bytes.data(), bytes.size());
      if (status.ok()) {
        auto description = DecodeDescription(bytes);
        if (!description.ok()) {
          return absl::DataLossError(absl::StrCat(path.string(), ": ", description.status().message()));
        }
        dataset.description = *std::move(description);
      }
    } else if (data::Matrix* matrix = ArrayOf(file.name, &dataset)) {
      const auto type = file.element_bytes == 4 ? data::ElementType::kFloat32 : data::ElementType::kFloat64;
      try {
        *matrix = data::Matrix(type, file.rows, file.cols);
      } catch (const std::bad_alloc&) {
        return absl::ResourceExhaustedError(absl::StrCat(name, ": no memory for ", file.rows, " x ", file.cols, " x ",
                                                         file.element_bytes, " bytes of ", file.name));
      }
      status = ReadChecked(path, file.crc32, matrix->mutable_data(), static_cast<std::size_t>(matrix->bytes()));
    }
    if (!status.ok()) {
      // Deleted between the two reads: that is no damage.
      const auto now = Identify(name);
      return now.ok() && *now == directory ? status : NoSuchRow(kDatasets, name);
    }
  }
  return dataset;
}

absl::StatusOr<std::string> DatasetStore::Delete(const std::string& name) {
  std::string directory;
  const auto erase_row = [&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT directory FROM datasets WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kDatasets, name);
    directory = query.getColumn(0).getString();
    std::vector<std::string> jobs = JobsUsing(db, name);
    if (!jobs.empty()) {
      const std::size_t more = jobs.size() > kJobsNamed ? jobs.size() - kJobsNamed : 0;
      jobs.resize(jobs.size() - more);
      return absl::FailedPreconditionError(absl::StrCat(name, " is used by ", absl::StrJoin(jobs, ", "),
                                                        more > 0 ? absl::StrCat(" and ", more, " more") : "",
                                                        ": cancel the jobs or wait for them first"));
    }
    SQLite::Statement erase(db, "DELETE FROM datasets WHERE name = ?");
    erase.bind(1, name);
    erase.exec();
    return absl::OkStatus();
  };
  if (absl::Status deleted = database_->Write(erase_row, Database::Room::kReserve); !deleted.ok()) return deleted;
  RemoveAll(Root() / directory);
  return directory;
}

}  // namespace cvxnn::server
