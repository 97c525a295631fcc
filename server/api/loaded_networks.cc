// SPDX-License-Identifier: Apache-2.0
// See loaded_networks.h.
#include "server/api/loaded_networks.h"

#include <ATen/ATen.h>

#include <utility>

namespace cvxnn::server {
namespace {

std::int64_t WeightBytes(const Network& network) {
  std::int64_t bytes = 0;
  for (const at::Tensor* weights : {&network.first_layer, &network.second_layer, &network.gates}) {
    if (weights->defined()) bytes += static_cast<std::int64_t>(weights->nbytes());
  }
  return bytes;
}

}  // namespace

LoadedNetworks::LoadedNetworks(Loader loader, std::int64_t budget_bytes)
    : loader_(std::move(loader)), budget_bytes_(budget_bytes) {}

absl::StatusOr<std::shared_ptr<const Network>> LoadedNetworks::Get(const std::string& name) {
  {
    absl::MutexLock lock(&mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->network;
    }
  }
  auto loaded = loader_(name);
  if (!loaded.ok()) return loaded.status();
  auto network = std::make_shared<const Network>(*std::move(loaded));
  const std::int64_t bytes = WeightBytes(*network);
  absl::MutexLock lock(&mutex_);
  // Somebody else may have loaded the same meanwhile.
  if (bytes > budget_bytes_ || by_name_.contains(name)) return network;
  entries_.push_front({name, network, bytes});
  by_name_[name] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > budget_bytes_) Forget(std::prev(entries_.end()));
  return network;
}

void LoadedNetworks::Remove(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) Forget(found->second);
}

void LoadedNetworks::Forget(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_name_.erase(entry->name);
  entries_.erase(entry);
}

}  // namespace cvxnn::server
