// SPDX-License-Identifier: Apache-2.0
// Which job is next on which device: first come, first served.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace cvxnn::server {

/// A queue per device, ordered by creation number. Not thread-safe.
class JobQueue {
 public:
  /// `number` is unique; a job that returns to the queue keeps its number and with it its place.
  void Push(const std::string& device, std::int64_t number, const std::string& job);
  /// The oldest job waiting for the device.
  std::optional<std::string> Pop(const std::string& device);
  /// False when it does not wait.
  bool Remove(const std::string& device, std::int64_t number);
  bool IsEmpty(const std::string& device) const;
  /// Jobs waiting, over all devices.
  std::int64_t size() const { return size_; }
  /// Of every waiting job: how many are ahead of it on its device.
  absl::flat_hash_map<std::string, std::int32_t> Positions() const;
  /// Of one job; 0 when it does not wait.
  std::int32_t Position(const std::string& device, std::int64_t number) const;

 private:
  absl::flat_hash_map<std::string, std::map<std::int64_t, std::string>> waiting_;  // device -> number -> job
  std::int64_t size_ = 0;
};

}  // namespace cvxnn::server
