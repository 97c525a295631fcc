// SPDX-License-Identifier: Apache-2.0
// Trained networks on disk: metadata in SQLite, weights in <data_dir>/models, those of one Write in one file, so that
// thousands of small networks take one sync and not thousands. Weights are written and synced first; they become models
// when they are committed with their job (JobStore::Commit): those that a job ended with together with its final state,
// so that it has all of them or none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
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
  v1::Model metadata;  ///< complete: name, stored_bytes and create_time included
  std::string file;    ///< below <data_dir>/models; shared by all of one Write
  std::int64_t first_byte = 0;
  std::uint32_t crc32 = 0;  ///< of its bytes, metadata.stored_bytes() of them: a safetensors file
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

  struct Unwritten {
    v1::Model metadata;  ///< kept but for name, stored_bytes and create_time
    const Network* network = nullptr;
  };
  /// Writes and syncs the weights of all under new names, in one file. On an error nothing is left of it.
  absl::StatusOr<std::vector<WrittenModel>> Write(std::vector<Unwritten> models);
  /// NOT_FOUND: no model of that name.
  absl::StatusOr<v1::Model> Get(const std::string& name) const;
  /// Newest first; only those of `job` ("jobs/{job}") unless it is empty; with `snapshots` also weights on the way.
  absl::StatusOr<Page<v1::Model>> List(const std::string& job, bool snapshots, const PageRequest& request) const;
  /// Trial and epoch of every snapshot of a job.
  absl::StatusOr<std::vector<std::pair<std::int32_t, std::int64_t>>> Snapshots(const std::string& job) const;

  /// The weights as a file (safetensors) to be read in pieces. NOT_FOUND; DATA_LOSS naming the file when it is missing
  /// or has another length.
  absl::StatusOr<std::unique_ptr<CheckedReader>> OpenFile(const std::string& name) const;
  /// The weights as a network on the CPU. NOT_FOUND; DATA_LOSS naming the file when it is missing or damaged.
  absl::StatusOr<Network> Load(const std::string& name) const;
  /// The complete description of the data set that the model was trained on, which may be gone by now; nullopt when it
  /// was not kept. NOT_FOUND; DATA_LOSS.
  absl::StatusOr<std::optional<data::Description>> LoadDescription(const std::string& name) const;

  /// Bytes that the disk has left for weights; the largest number when that is not known.
  std::int64_t FreeBytes() const;

  /// Removes a file of weights that did not become models, or whose rows are gone (JobStore::Delete returns them).
  void RemoveFile(const std::string& file);

 private:
  explicit ModelStore(std::shared_ptr<Database> database);
  std::filesystem::path PathOf(const std::string& file) const;
  absl::Status WriteWeights(const std::string& id, const std::vector<Unwritten>& models,
                            std::vector<WrittenModel>* written);

  const std::shared_ptr<Database> database_;
};

}  // namespace cvxnn::server
