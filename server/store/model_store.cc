// SPDX-License-Identifier: Apache-2.0
// Models on disk: rows in SQLite, weights as safetensors files.
#include "server/store/model_store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/network/export/network_file.h"
#include "core/network/network.h"
#include "server/store/checked_file.h"
#include "server/store/clock.h"
#include "server/store/dataset_description.h"
#include "server/store/random_id.h"
#include "server/store/stored_rows.h"
#include "server/store/synced_file.h"

namespace cvxnn::server {
namespace {

constexpr char kPrefix[] = "models/";

constexpr NamedTable kModels = {"models", "model"};

}  // namespace

ModelStore::ModelStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}

std::filesystem::path ModelStore::PathOf(const std::string& file) const {
  return database_->data_dir() / "models" / file;
}

absl::StatusOr<std::unique_ptr<ModelStore>> ModelStore::Open(std::shared_ptr<Database> database) {
  std::unique_ptr<ModelStore> store(new ModelStore(std::move(database)));
  const std::filesystem::path root = store->database_->data_dir() / "models";
  if (absl::Status created = CreateDirectoriesSynced(root); !created.ok()) return created;
  absl::flat_hash_set<std::string> known;
  absl::Status read = store->database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT DISTINCT file FROM models");
    while (query.executeStep()) known.insert(query.getColumn(0).getString());
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    if (!known.contains(entry.path().filename().string())) leftovers.push_back(entry.path());
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot list ", root.string()));
  for (const auto& leftover : leftovers) RemoveAll(leftover);
  return store;
}

absl::Status ModelStore::WriteWeights(const std::string& id, const std::vector<Unwritten>& models,
                                      std::vector<WrittenModel>* written) {
  const std::string file = id + (models.size() == 1 ? ".safetensors" : ".models");
  auto weights = SyncedFile::Create(PathOf(file + ".writing"));
  if (!weights.ok()) return weights.status();
  const auto now = TimestampNow();
  for (const Unwritten& model : models) {
    std::ostringstream stream;
    if (absl::Status encoded = WriteNetwork(*model.network, stream); !encoded.ok()) return encoded;
    const std::string bytes = std::move(stream).str();
    WrittenModel& next = written->emplace_back();
    next.metadata = model.metadata;
    next.metadata.set_name(absl::StrCat(kPrefix, written->size() == 1 ? id : RandomId()));
    next.metadata.set_stored_bytes(static_cast<std::int64_t>(bytes.size()));
    *next.metadata.mutable_create_time() = now;
    next.file = file;
    next.first_byte = static_cast<std::int64_t>(weights->size());
    next.crc32 = Crc32(bytes.data(), bytes.size());
    if (absl::Status appended = weights->Append(bytes.data(), bytes.size()); !appended.ok()) return appended;
  }
  if (absl::Status finished = weights->Finish(); !finished.ok()) return finished;
  const absl::Status renamed = RenameSynced(weights->path(), PathOf(file));
  if (!renamed.ok()) {
    RemoveAll(weights->path());
    RemoveAll(PathOf(file));
  }
  return renamed;
}

absl::StatusOr<std::vector<WrittenModel>> ModelStore::Write(std::vector<Unwritten> models) {
  std::vector<WrittenModel> written;
  if (models.empty()) return written;
  written.reserve(models.size());
  if (absl::Status status = WriteWeights(RandomId(), models, &written); !status.ok()) return status;
  return written;
}

std::int64_t ModelStore::FreeBytes() const {
  std::error_code error;
  const auto space = std::filesystem::space(database_->data_dir(), error);
  constexpr auto kMost = static_cast<std::uintmax_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(error ? kMost : std::min(space.available, kMost));
}

void ModelStore::RemoveFile(const std::string& file) { RemoveAll(PathOf(file)); }

absl::StatusOr<v1::Model> ModelStore::Get(const std::string& name) const {
  return GetNamed<v1::Model>(*database_, kModels, name);
}

absl::StatusOr<std::optional<data::Description>> ModelStore::LoadDescription(const std::string& name) const {
  std::optional<std::string> bytes;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db,
                            "SELECT dataset_descriptions.body FROM models LEFT JOIN dataset_descriptions "
                            "ON uid = dataset_uid WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kModels, name);
    if (!query.getColumn(0).isNull()) bytes = query.getColumn(0).getString();
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  if (!bytes.has_value()) return std::nullopt;
  auto description = DecodeDescription(*bytes);
  if (description.ok()) return *std::move(description);
  return absl::DataLossError(
      absl::StrCat("the database is damaged: the description of the data of ", name, " cannot be read"));
}

absl::StatusOr<Page<v1::Model>> ModelStore::List(const std::string& job, bool snapshots,
                                                 const PageRequest& request) const {
  RowFilter filter;
  if (!job.empty()) filter = {" AND job = (SELECT number FROM jobs WHERE name = ?)", {job}};
  if (!snapshots) filter.conditions += " AND snapshot = 0";
  const std::string list = absl::StrCat(snapshots ? "models with snapshots " : "models ", job);
  return ListNamed<v1::Model>(*database_, kModels, filter, request, list);
}

absl::StatusOr<std::vector<std::pair<std::int32_t, std::int64_t>>> ModelStore::Snapshots(const std::string& job) const {
  std::vector<std::pair<std::int32_t, std::int64_t>> snapshots;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(
        db, "SELECT body, name FROM models WHERE job = (SELECT number FROM jobs WHERE name = ?) AND snapshot = 1");
    query.bind(1, job);
    while (query.executeStep()) {
      auto model =
          ParseBody<v1::Model>(query.getColumn(0), absl::StrCat("the row of ", query.getColumn(1).getString()));
      if (!model.ok()) return model.status();
      snapshots.emplace_back(model->trial(), model->metrics().epoch());
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return snapshots;
}

absl::StatusOr<std::unique_ptr<CheckedReader>> ModelStore::OpenFile(const std::string& name) const {
  std::string file;
  std::size_t first_byte = 0;
  std::uint32_t crc32 = 0;
  std::size_t bytes = 0;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT file, first_byte, crc32, bytes FROM models WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kModels, name);
    file = query.getColumn(0).getString();
    first_byte = static_cast<std::size_t>(query.getColumn(1).getInt64());
    crc32 = static_cast<std::uint32_t>(query.getColumn(2).getInt64());
    bytes = static_cast<std::size_t>(query.getColumn(3).getInt64());
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  auto reader = CheckedReader::OpenPart(PathOf(file), first_byte, crc32, bytes);
  if (!reader.ok()) {
    // Deleted between the two reads: that is no damage.
    if (absl::Status now = Get(name).status(); absl::IsNotFound(now)) return now;
  }
  return reader;
}

absl::StatusOr<Network> ModelStore::Load(const std::string& name) const {
  auto reader = OpenFile(name);
  if (!reader.ok()) return reader.status();
  std::string bytes((*reader)->left(), '\0');
  if (absl::Status status = (*reader)->Read(bytes.data(), bytes.size()); !status.ok()) return status;
  auto network = ReadNetwork(bytes);
  if (network.ok()) return network;
  return absl::DataLossError(absl::StrCat("the weights of ", name, ": ", network.status().message()));
}

}  // namespace cvxnn::server
