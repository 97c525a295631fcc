// SPDX-License-Identifier: Apache-2.0
// Which job is next on which device: the highest priority first, and among equals first come, first served.
#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace cvxnn::server {

/// Where a job stands among those that wait for the same device.
struct QueuePlace {
  std::int32_t priority = 0;  ///< larger goes first
  std::int64_t number = 0;    ///< order of creation, unique; a job that returns to the queue keeps it

  friend bool operator<(const QueuePlace& a, const QueuePlace& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.number < b.number;
  }
};

/// A queue per device. Every operation takes time logarithmic in the jobs that wait. Not thread-safe.
class JobQueue {
 public:
  void Push(const std::string& device, QueuePlace place, const std::string& job);
  /// The job that is next on the device.
  std::optional<std::string> Pop(const std::string& device);
  /// False when it does not wait.
  bool Remove(const std::string& device, QueuePlace place);
  bool IsEmpty(const std::string& device) const;
  /// Jobs waiting, over all devices.
  std::int64_t size() const { return size_; }
  /// How many jobs on the device go before this place.
  std::int32_t Position(const std::string& device, QueuePlace place) const;

 private:
  // libstdc++'s tree that counts what lies below each node.
  using Waiting = __gnu_pbds::tree<QueuePlace, std::string, std::less<QueuePlace>, __gnu_pbds::rb_tree_tag,
                                   __gnu_pbds::tree_order_statistics_node_update>;
  absl::flat_hash_map<std::string, Waiting> waiting_;  // by device
  std::int64_t size_ = 0;
};

}  // namespace cvxnn::server
