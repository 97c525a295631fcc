// SPDX-License-Identifier: Apache-2.0
// First come, first served, per device.
#include "server/jobs/job_queue.h"

#include <iterator>
#include <utility>

namespace cvxnn::server {

void JobQueue::Push(const std::string& device, std::int64_t number, const std::string& job) {
  if (waiting_[device].emplace(number, job).second) ++size_;
}

std::optional<std::string> JobQueue::Pop(const std::string& device) {
  const auto found = waiting_.find(device);
  if (found == waiting_.end() || found->second.empty()) return std::nullopt;
  std::string job = std::move(found->second.begin()->second);
  found->second.erase(found->second.begin());
  --size_;
  return job;
}

bool JobQueue::Remove(const std::string& device, std::int64_t number) {
  const auto found = waiting_.find(device);
  if (found == waiting_.end() || found->second.erase(number) == 0) return false;
  --size_;
  return true;
}

bool JobQueue::IsEmpty(const std::string& device) const {
  const auto found = waiting_.find(device);
  return found == waiting_.end() || found->second.empty();
}

absl::flat_hash_map<std::string, std::int32_t> JobQueue::Positions() const {
  absl::flat_hash_map<std::string, std::int32_t> positions;
  for (const auto& [device, jobs] : waiting_) {
    std::int32_t ahead = 0;
    for (const auto& [number, job] : jobs) positions[job] = ahead++;
  }
  return positions;
}

std::int32_t JobQueue::Position(const std::string& device, std::int64_t number) const {
  const auto found = waiting_.find(device);
  if (found == waiting_.end()) return 0;
  return static_cast<std::int32_t>(std::distance(found->second.begin(), found->second.lower_bound(number)));
}

}  // namespace cvxnn::server
