// SPDX-License-Identifier: Apache-2.0
// Models on disk: rows in SQLite, weights as safetensors files.
#include "server/store/model_store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/network/export/network_file.h"
#include "core/network/network.h"
#include "server/store/checked_file.h"
#include "server/store/clock.h"
#include "server/store/dataset_description.h"
#include "server/store/random_id.h"
#include "server/store/stored_rows.h"

namespace cvxnn::server {
namespace {

constexpr char kPrefix[] = "models/";

constexpr NamedTable kModels = {"models", "model"};

}  // namespace

ModelStore::ModelStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}

std::filesystem::path ModelStore::FileOf(const std::string& name) const {
  return database_->data_dir() / "models" / absl::StrCat(absl::StripPrefix(name, kPrefix), ".safetensors");
}

absl::StatusOr<std::unique_ptr<ModelStore>> ModelStore::Open(std::shared_ptr<Database> database) {
  std::unique_ptr<ModelStore> store(new ModelStore(std::move(database)));
  const std::filesystem::path root = store->database_->data_dir() / "models";
  if (absl::Status created = CreateDirectoriesSynced(root); !created.ok()) return created;
  absl::flat_hash_set<std::string> known;
  absl::Status read = store->database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT name FROM models");
    while (query.executeStep()) known.insert(store->FileOf(query.getColumn(0).getString()).filename().string());
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

absl::StatusOr<WrittenModel> ModelStore::Write(v1::Model metadata, const Network& network) {
  std::ostringstream stream;
  if (absl::Status encoded = WriteNetwork(network, stream); !encoded.ok()) return encoded;
  const std::string bytes = std::move(stream).str();
  WrittenModel written{std::move(metadata), 0, nullptr};
  written.metadata.set_name(absl::StrCat(kPrefix, RandomId()));
  written.metadata.set_stored_bytes(static_cast<std::int64_t>(bytes.size()));
  *written.metadata.mutable_create_time() = TimestampNow();
  const std::filesystem::path file = FileOf(written.metadata.name());
  std::filesystem::path writing = file;
  writing += ".writing";
  auto crc = WriteSynced(writing, bytes.data(), bytes.size());
  if (!crc.ok()) return crc.status();
  written.crc32 = *crc;
  if (absl::Status renamed = RenameSynced(writing, file); !renamed.ok()) {
    RemoveAll(writing);
    RemoveAll(file);
    return renamed;
  }
  return written;
}

void ModelStore::RemoveFile(const std::string& name) { RemoveAll(FileOf(name)); }

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

absl::StatusOr<Page<v1::Model>> ModelStore::List(const std::string& job, const PageRequest& request) const {
  RowFilter filter;
  if (!job.empty()) filter = {" AND job = (SELECT number FROM jobs WHERE name = ?)", {job}};
  return ListNamed<v1::Model>(*database_, kModels, filter, request, absl::StrCat("models ", job));
}

absl::StatusOr<std::unique_ptr<CheckedReader>> ModelStore::OpenFile(const std::string& name) const {
  std::uint32_t crc32 = 0;
  std::size_t bytes = 0;
  absl::Status read = database_->Read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT crc32, bytes FROM models WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return NoSuchRow(kModels, name);
    crc32 = static_cast<std::uint32_t>(query.getColumn(0).getInt64());
    bytes = static_cast<std::size_t>(query.getColumn(1).getInt64());
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  auto reader = CheckedReader::Open(FileOf(name), crc32, bytes);
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
  return absl::DataLossError(absl::StrCat(FileOf(name).string(), ": ", network.status().message()));
}

}  // namespace cvxnn::server
