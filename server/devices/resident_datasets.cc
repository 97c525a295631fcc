// SPDX-License-Identifier: Apache-2.0
// The least-recently-used cache of data sets.
#include "server/devices/resident_datasets.h"

#include <utility>

namespace cvxnn::server {
namespace {

std::int64_t ArrayBytes(const data::Dataset& dataset) {
  return dataset.train.features.bytes() + dataset.train.targets.bytes() + dataset.test.features.bytes() +
         dataset.test.targets.bytes();
}

}  // namespace

ResidentDatasets::ResidentDatasets(Loader loader, std::int64_t budget_bytes)
    : loader_(std::move(loader)), budget_bytes_(budget_bytes) {}

absl::StatusOr<std::shared_ptr<const data::Dataset>> ResidentDatasets::Get(const std::string& name) {
  {
    absl::MutexLock lock(&mutex_);
    const auto nobody_loads_it = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !loading_.contains(name); };
    mutex_.Await(absl::Condition(&nobody_loads_it));
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->dataset;
    }
    loading_[name] = false;
  }
  auto loaded = loader_(name);
  std::shared_ptr<const data::Dataset> dataset;
  if (loaded.ok()) dataset = std::make_shared<const data::Dataset>(*std::move(loaded));
  absl::MutexLock lock(&mutex_);
  const bool removed = loading_.extract(name).mapped();
  if (!loaded.ok()) return loaded.status();
  if (!removed) Keep(name, dataset);
  return dataset;
}

void ResidentDatasets::Put(const std::string& name, std::shared_ptr<const data::Dataset> dataset) {
  absl::MutexLock lock(&mutex_);
  Keep(name, std::move(dataset));
}

void ResidentDatasets::Remove(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  Forget(name);
  if (const auto found = loading_.find(name); found != loading_.end()) found->second = true;
}

std::int64_t ResidentDatasets::resident_bytes() const {
  absl::MutexLock lock(&mutex_);
  return resident_bytes_;
}

void ResidentDatasets::Keep(const std::string& name, std::shared_ptr<const data::Dataset> dataset) {
  Forget(name);
  const std::int64_t bytes = ArrayBytes(*dataset);
  if (bytes > budget_bytes_) return;
  while (resident_bytes_ + bytes > budget_bytes_) Forget(std::string(entries_.back().name));
  entries_.push_front({name, std::move(dataset), bytes});
  by_name_[name] = entries_.begin();
  resident_bytes_ += bytes;
}

void ResidentDatasets::Forget(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  resident_bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  by_name_.erase(found);
}

}  // namespace cvxnn::server
