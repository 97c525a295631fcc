// SPDX-License-Identifier: Apache-2.0
// Networks held in memory between predictions, so that many predictions with one model read its file once.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/network/network.h"

namespace cvxnn::server {

/// A cache with a byte budget; the least recently used leave first. Who holds a network keeps it alive beyond its place
/// in the cache. Names of models are never used twice and their weights never change, so nothing here grows stale.
/// Thread-safe.
class LoadedNetworks {
 public:
  using Loader = std::function<absl::StatusOr<Network>(const std::string& name)>;

  /// `budget_bytes` >= 0: weights kept. A larger network is handed out but not kept.
  LoadedNetworks(Loader loader, std::int64_t budget_bytes);

  /// The network of "models/{model}", loaded when it is not there. Errors are the loader's and are not kept.
  absl::StatusOr<std::shared_ptr<const Network>> Get(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Forgets the network of a model that is no longer there.
  void Remove(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const Network> network;
    std::int64_t bytes = 0;
  };
  void Forget(std::list<Entry>::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Loader loader_;
  const std::int64_t budget_bytes_;
  absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_name_ ABSL_GUARDED_BY(mutex_);
  std::int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cvxnn::server
