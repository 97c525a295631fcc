// SPDX-License-Identifier: Apache-2.0
// Data sets on disk: metadata in SQLite, arrays in files. A data set exists once Create returned; the files are written
// aside, synced and renamed before the row that makes them visible is committed, and what an interrupted writer left
// behind is swept at start-up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "cvxnn/v1/dataset.pb.h"
#include "server/store/database.h"
#include "server/store/page.h"
#include "server/store/staged_arrays.h"

namespace cvxnn::server {

/// What an upload is known by when its answer was lost.
struct UploadKey {
  std::string creator = {};
  std::string upload_id = {};                ///< empty: by nothing
  std::optional<std::uint32_t> digest = {};  ///< of its header; absent: of any
};

/// Stored data sets. Thread-safe.
class DatasetStore {
 public:
  /// Sweeps <data_dir>/datasets of folders that no row names.
  static absl::StatusOr<std::unique_ptr<DatasetStore>> Open(std::shared_ptr<Database> database);

  /// OK when no data set has this name. ALREADY_EXISTS otherwise: lets an upload fail before its first byte.
  absl::Status CheckNameFree(const std::string& name) const;

  /// Begins to write the arrays of `dataset` while they still arrive in its memory, which must stay where it is.
  /// Nothing is left behind when the result is destroyed instead of given to Create.
  absl::StatusOr<std::unique_ptr<StagedArrays>> Stage(const data::Dataset& dataset) const;

  /// Stores the arrays and the complete description (what every transform learned, projections included). `metadata` is
  /// kept as given, but for name (picked when empty, else "datasets/{dataset}"), uid, stored_bytes and create_time; the
  /// stored message is returned. `dataset` must be valid.
  /// ALREADY_EXISTS: the name is taken. RESOURCE_EXHAUSTED: the disk is full. On error nothing is left behind.
  absl::StatusOr<v1::Dataset> Create(v1::Dataset metadata, const data::Dataset& dataset,
                                     std::unique_ptr<StagedArrays> staged = nullptr, const UploadKey& upload = {});

  /// The data set that Create made with this key. NOT_FOUND: none; ALREADY_EXISTS: one of another digest.
  absl::StatusOr<v1::Dataset> FindUpload(const UploadKey& upload) const;

  /// NOT_FOUND: no data set of that name.
  absl::StatusOr<v1::Dataset> Get(const std::string& name) const;

  /// The uid of the data set that has this name now. NOT_FOUND: none has.
  absl::StatusOr<std::string> Identify(const std::string& name) const;

  /// Newest first, without the numbers of fitted transforms.
  absl::StatusOr<Page<v1::Dataset>> List(const PageRequest& request) const;

  /// Reads the arrays and the description and checks every file against its CRC-32.
  /// NOT_FOUND: no data set of that name and, unless empty, that `uid`. DATA_LOSS naming the file: it is missing, has
  /// the wrong length or is damaged.
  absl::StatusOr<data::Dataset> Load(const std::string& name, const std::string& uid = "") const;

  /// Deletes row and files; gives the uid. NOT_FOUND: no data set of that name. FAILED_PRECONDITION naming the jobs:
  /// one that is queued or running uses it.
  absl::StatusOr<std::string> Delete(const std::string& name);

 private:
  explicit DatasetStore(std::shared_ptr<Database> database);
  std::filesystem::path Root() const { return database_->data_dir() / "datasets"; }

  const std::shared_ptr<Database> database_;
};

}  // namespace cvxnn::server
