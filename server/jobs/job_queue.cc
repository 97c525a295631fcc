// SPDX-License-Identifier: Apache-2.0
// See job_queue.h.
#include "server/jobs/job_queue.h"

#include <utility>

namespace cvxnn::server {

void JobQueue::Push(const std::string& device, QueuePlace place, const std::string& job) {
  if (waiting_[device].insert({place, job}).second) ++size_;
}

std::optional<std::string> JobQueue::Pop(const std::string& device) {
  const auto found = waiting_.find(device);
  if (found == waiting_.end() || found->second.empty()) return std::nullopt;
  std::string job = found->second.begin()->second;
  found->second.erase(found->second.begin());
  --size_;
  return job;
}

bool JobQueue::Remove(const std::string& device, QueuePlace place) {
  const auto found = waiting_.find(device);
  if (found == waiting_.end() || !found->second.erase(place)) return false;
  --size_;
  return true;
}

bool JobQueue::IsEmpty(const std::string& device) const {
  const auto found = waiting_.find(device);
  return found == waiting_.end() || found->second.empty();
}

std::int32_t JobQueue::Position(const std::string& device, QueuePlace place) const {
  const auto found = waiting_.find(device);
  return found == waiting_.end() ? 0 : static_cast<std::int32_t>(found->second.order_of_key(place));
}

}  // namespace cvxnn::server
