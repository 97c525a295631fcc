// SPDX-License-Identifier: Apache-2.0
// See event_encodings.h.
#include "server/api/event_encodings.h"

#include <grpcpp/support/slice.h>

#include <string>

namespace cvxnn::server {

std::shared_ptr<const grpc::ByteBuffer> Encode(const v1::WatchJobResponse& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return std::make_shared<const grpc::ByteBuffer>(&slice, 1);
}

std::shared_ptr<const grpc::ByteBuffer> EventEncodings::Get(const Event& event) {
  // Made under the lock: many ask for a new event at the same moment, and all but the first would make it in vain.
  absl::MutexLock lock(&mutex_);
  const auto [found, is_new] = by_event_.try_emplace(event.get());
  if (!is_new) return found->second.bytes;
  ++made_;
  auto bytes = Encode(*event);
  found->second = {event, bytes};
  oldest_first_.push_back(event.get());
  if (oldest_first_.size() > kMost) {
    by_event_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return bytes;
}

std::int64_t EventEncodings::made() const {
  absl::MutexLock lock(&mutex_);
  return made_;
}

}  // namespace cvxnn::server
