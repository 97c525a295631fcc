// SPDX-License-Identifier: Apache-2.0
// The least-recently-used cache of data sets.
#include "server/devices/resident_datasets.h"

#include <exception>
#include <new>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace cvxnn::server {
namespace {

std::int64_t ArrayBytes(const data::Dataset& dataset) {
  return dataset.train.features.bytes() + dataset.train.targets.bytes() + dataset.test.features.bytes() +
         dataset.test.targets.bytes();
}

// What a source answers; what it throws becomes a Status.
template <typename Call>
auto Guarded(const std::string& name, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(name, ": no memory to load it"));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(name, ": cannot be loaded: ", error.what()));
  }
}

}  // namespace

ResidentDatasets::ResidentDatasets(Source source, std::int64_t budget_bytes)
    : source_(std::move(source)), budget_bytes_(budget_bytes) {}

absl::StatusOr<ResidentDatasets::Resident> ResidentDatasets::Get(const std::string& name) {
  auto uid = Guarded(name, [&] { return source_.identify(name); });
  if (!uid.ok()) return uid.status();
  {
    absl::MutexLock lock(&mutex_);
    const auto nobody_loads_it = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !loading_.contains(*uid); };
    mutex_.Await(absl::Condition(&nobody_loads_it));
    if (const auto found = by_uid_.find(*uid); found != by_uid_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return Resident{found->second->dataset, *std::move(uid)};
    }
    loading_[*uid] = false;
  }
  // However this ends, others must not wait for it for ever.
  absl::Cleanup finished = [&] {
    absl::MutexLock lock(&mutex_);
    loading_.erase(*uid);
  };
  auto loaded = Guarded(name, [&] { return source_.load(name, *uid); });
  if (!loaded.ok()) return loaded.status();
  auto dataset = std::make_shared<const data::Dataset>(*std::move(loaded));
  absl::MutexLock lock(&mutex_);
  const bool removed = loading_[*uid];
  if (!removed) Keep(*uid, dataset);
  loading_.erase(*uid);
  std::move(finished).Cancel();
  return Resident{std::move(dataset), *std::move(uid)};
}

void ResidentDatasets::Put(const std::string& uid, std::shared_ptr<const data::Dataset> dataset) {
  absl::MutexLock lock(&mutex_);
  Keep(uid, std::move(dataset));
}

void ResidentDatasets::Remove(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  Forget(uid);
  if (const auto found = loading_.find(uid); found != loading_.end()) found->second = true;
}

bool ResidentDatasets::Holds(const std::string& name) const {
  const auto uid = Guarded(name, [&] { return source_.identify(name); });
  if (!uid.ok()) return false;
  absl::MutexLock lock(&mutex_);
  return by_uid_.contains(*uid);
}

void ResidentDatasets::FreeUp(std::int64_t bytes, const std::string& except) {
  std::string kept;
  if (!except.empty()) {
    if (auto uid = Guarded(except, [&] { return source_.identify(except); }); uid.ok()) kept = *std::move(uid);
  }
  absl::MutexLock lock(&mutex_);
  std::int64_t freed = 0;
  for (auto entry = entries_.end(); entry != entries_.begin() && freed < bytes;) {
    --entry;
    // What a job holds stays in memory either way.
    if (entry->uid == kept || entry->dataset.use_count() > 1) continue;
    freed += entry->bytes;
    resident_bytes_ -= entry->bytes;
    by_uid_.erase(entry->uid);
    entry = entries_.erase(entry);
  }
}

std::int64_t ResidentDatasets::resident_bytes() const {
  absl::MutexLock lock(&mutex_);
  return resident_bytes_;
}

void ResidentDatasets::Keep(const std::string& uid, std::shared_ptr<const data::Dataset> dataset) {
  Forget(uid);
  const std::int64_t bytes = ArrayBytes(*dataset);
  if (bytes > budget_bytes_) return;
  while (resident_bytes_ + bytes > budget_bytes_) Forget(std::string(entries_.back().uid));
  entries_.push_front({uid, std::move(dataset), bytes});
  by_uid_[uid] = entries_.begin();
  resident_bytes_ += bytes;
}

void ResidentDatasets::Forget(const std::string& uid) {
  const auto found = by_uid_.find(uid);
  if (found == by_uid_.end()) return;
  resident_bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  by_uid_.erase(found);
}

}  // namespace cvxnn::server
