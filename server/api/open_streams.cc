// SPDX-License-Identifier: Apache-2.0
// See open_streams.h. Streams are ended outside the lock: ending one may remove it.
#include "server/api/open_streams.h"

#include <utility>

namespace cvxnn::server {

std::int64_t OpenStreams::Add(std::function<void()> end) {
  std::int64_t number = 0;
  {
    absl::MutexLock lock(&mutex_);
    number = next_++;
    if (!ended_) {
      ends_.emplace(number, std::move(end));
      return number;
    }
  }
  end();
  return number;
}

void OpenStreams::Remove(std::int64_t number) {
  absl::MutexLock lock(&mutex_);
  ends_.erase(number);
}

void OpenStreams::EndAll() {
  absl::flat_hash_map<std::int64_t, std::function<void()>> ends;
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    ends.swap(ends_);
  }
  for (auto& [number, end] : ends) end();
}

}  // namespace cvxnn::server
