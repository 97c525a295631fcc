// SPDX-License-Identifier: Apache-2.0
// Data sets held in memory between jobs, so that many jobs on one data set read its files once.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/data/dataset.h"

namespace cvxnn::server {

/// A cache with a byte budget; the least recently used leave first. Whoever holds a data set keeps it alive beyond its
/// place in the cache. Thread-safe; a data set asked for by several at once is loaded once.
class ResidentDatasets {
 public:
  using Loader = std::function<absl::StatusOr<data::Dataset>(const std::string& name)>;

  /// `budget_bytes` >= 0: arrays kept, unit bytes. A data set larger than the budget is handed out but not kept.
  ResidentDatasets(Loader loader, std::int64_t budget_bytes);

  /// The data set "datasets/{dataset}", loaded when it is not there. Errors are the loader's and are not kept.
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Get(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Keeps a data set that was just stored.
  void Put(const std::string& name, std::shared_ptr<const data::Dataset> dataset) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Forgets a data set that was deleted.
  void Remove(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Bytes of the arrays now kept.
  std::int64_t resident_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const data::Dataset> dataset;
    std::int64_t bytes = 0;
  };
  void Keep(const std::string& name, std::shared_ptr<const data::Dataset> dataset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Loader loader_;
  const std::int64_t budget_bytes_;
  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_name_ ABSL_GUARDED_BY(mutex_);
  // Data sets that some thread is loading. The value turns true when the data set is removed meanwhile: what is being
  // read must then not be kept.
  absl::flat_hash_map<std::string, bool> loading_ ABSL_GUARDED_BY(mutex_);
  std::int64_t resident_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cvxnn::server
