// SPDX-License-Identifier: Apache-2.0
// Trained networks on disk: metadata in SQLite, weights in <data_dir>/models/<id>.safetensors. Weights are written and
// synced first (Write); they become a model when the job's final state is committed with them (JobStore::Commit), so
// that a job has all of its models or none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "cvxnn/v1/model.pb.h"
#include "server/store/checked_reader.h"
#include "server/store/database.h"
#include "server/store/page.h"

namespace cvxnn {
struct Network;
}

namespace cvxnn::server {

/// Weights on disk that are not yet a model.
struct WrittenModel {
  v1::Model metadata;       ///< complete: name, stored_bytes and create_time included
  std::uint32_t crc32 = 0;  ///< of the whole file
  /// EncodeDescription of the data set named by metadata.dataset_uid, kept once per data set; null: not kept.
  std::shared_ptr<const std::string> description;
};

/// Larger descriptions of data sets are not kept with models. Unit: bytes of their encoding.
inline constexpr std::size_t kMostKeptDescriptionBytes = std::size_t{64} << 20;

/// Stored models. Thread-safe.
class ModelStore {
 public:
  /// Sweeps <data_dir>/models of files that no row names.
  static absl::StatusOr<std::unique_ptr<ModelStore>> Open(std::shared_ptr<Database> database);

  /// Writes and syncs the weights under a new name. `metadata` is kept but for name, stored_bytes and create_time.
  absl::StatusOr<WrittenModel> Write(v1::Model metadata, const Network& network);
  /// NOT_FOUND: no model of that name.
  absl::StatusOr<v1::Model> Get(const std::string& name) const;
  /// Newest first; only those of `job` ("jobs/{job}") unless it is empty.
  absl::StatusOr<Page<v1::Model>> List(const std::string& job, const PageRequest& request) const;

  /// The weights as a file (safetensors) to be read in pieces. NOT_FOUND; DATA_LOSS naming the file when it is missing
  /// or has another length.
  absl::StatusOr<std::unique_ptr<CheckedReader>> OpenFile(const std::string& name) const;
  /// The weights as a network on the CPU. NOT_FOUND; DATA_LOSS naming the file when it is missing or damaged.
  absl::StatusOr<Network> Load(const std::string& name) const;
  /// The complete description of the data set that the model was trained on, which may be gone by now; nullopt when it
  /// was not kept. NOT_FOUND; DATA_LOSS.
  absl::StatusOr<std::optional<data::Description>> LoadDescription(const std::string& name) const;

  /// Removes weights that did not become a model, or whose row is gone (JobStore::Delete returns their names).
  void RemoveFile(const std::string& name);

 private:
  explicit ModelStore(std::shared_ptr<Database> database);
  std::filesystem::path FileOf(const std::string& name) const;

  const std::shared_ptr<Database> database_;
};

}  // namespace cvxnn::server
