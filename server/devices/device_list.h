// SPDX-License-Identifier: Apache-2.0
// The devices that jobs can ask for, in the contract's words.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cvxnn/v1/server_service.pb.h"

namespace cvxnn::server {

/// The devices found when the server started. Thread-safe: immutable after construction.
class DeviceList {
 public:
  /// Asks LibTorch which devices this process can use.
  static DeviceList Detect();
  /// A given list, the first of which must be "cpu"; for tests.
  explicit DeviceList(std::vector<std::string> names);

  /// Canonical names: "cpu", "cuda:0", …
  const std::vector<std::string>& names() const { return names_; }
  /// "" -> "cpu", "cuda" -> "cuda:0". INVALID_ARGUMENT naming the devices that are there when it is none of them.
  absl::StatusOr<std::string> Canonical(const std::string& name) const;
  /// Name, description, total and now free memory of each.
  std::vector<v1::Device> Describe() const;

 private:
  std::vector<std::string> names_;
};

}  // namespace cvxnn::server
