// SPDX-License-Identifier: Apache-2.0
// Model files that are made when they are asked for (TorchScript), shared by all downloads of the same model.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace cvxnn::server {

struct MadeFile {
  std::string bytes;
  std::uint32_t crc32 = 0;  ///< of `bytes`
};

/// Keeps no file alive: the last download that ends frees it. Thread-safe.
class MadeFiles {
 public:
  using Maker = std::function<absl::StatusOr<std::string>()>;

  /// The file of "models/{model}" that another download holds, else what `make` gives. Two that ask at the same time
  /// wait for one maker.
  absl::StatusOr<std::shared_ptr<const MadeFile>> Get(const std::string& name, const Maker& make)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;  // also held while a file is made: one copy of weights at a time
  absl::flat_hash_map<std::string, std::weak_ptr<const MadeFile>> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cvxnn::server
