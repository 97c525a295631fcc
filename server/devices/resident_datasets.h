// SPDX-License-Identifier: Apache-2.0
// Data sets held in memory between jobs, so that many jobs on one data set read its files once. They are kept under
// their uid, which is never used again: a name can be given to another data set at any moment.
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
  /// Where data sets come from; both may be called by several threads at once. What they throw becomes a Status.
  struct Source {
    /// The uid of the data set that has a name now; NOT_FOUND when none has.
    std::function<absl::StatusOr<std::string>(const std::string& name)> identify;
    /// The data set of that name and uid; NOT_FOUND when it is gone.
    std::function<absl::StatusOr<data::Dataset>(const std::string& name, const std::string& uid)> load;
  };
  struct Resident {
    std::shared_ptr<const data::Dataset> dataset;
    std::string uid;
  };

  /// `budget_bytes` >= 0: arrays kept, unit bytes. A data set larger than the budget is handed out but not kept.
  ResidentDatasets(Source source, std::int64_t budget_bytes);

  /// The data set that is called "datasets/{dataset}" now, loaded when it is not there. Errors are the source's and are
  /// not kept; RESOURCE_EXHAUSTED: no memory for it.
  absl::StatusOr<Resident> Get(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Keeps a data set that was just stored.
  void Put(const std::string& uid, std::shared_ptr<const data::Dataset> dataset) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Frees the memory of a data set that was deleted.
  void Remove(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Whether the data set that has this name now is kept.
  bool Holds(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  /// Lets data sets that nobody holds go, the least recently used first, until `bytes` are free or none is left; never
  /// the one that has this name now.
  void FreeUp(std::int64_t bytes, const std::string& except = "") ABSL_LOCKS_EXCLUDED(mutex_);

  /// Bytes of the arrays now kept.
  std::int64_t resident_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string uid;
    std::shared_ptr<const data::Dataset> dataset;
    std::int64_t bytes = 0;
  };
  void Keep(const std::string& uid, std::shared_ptr<const data::Dataset> dataset) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Source source_;
  const std::int64_t budget_bytes_;
  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_uid_ ABSL_GUARDED_BY(mutex_);
  // Data sets that some thread is loading. The value turns true when the data set is removed meanwhile: what is being
  // read must then not be kept.
  absl::flat_hash_map<std::string, bool> loading_ ABSL_GUARDED_BY(mutex_);
  std::int64_t resident_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cvxnn::server
