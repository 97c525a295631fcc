// SPDX-License-Identifier: Apache-2.0
// The epochs after which weights are kept on the way (method.h, Snapshots).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/descent/method.h"

namespace cvxnn::descent {

class SnapshotEpochs {
 public:
  /// Those from 0 to `max_epochs`; none without snapshots.
  SnapshotEpochs(const std::optional<Snapshots>& snapshots, std::int64_t max_epochs);

  std::int64_t count() const;
  /// The first of them that is at least `epoch`; the largest number when there is none.
  std::int64_t From(std::int64_t epoch) const;

 private:
  std::int64_t max_epochs_;
  std::int64_t every_ = 0;            ///< 0: those listed
  std::vector<std::int64_t> epochs_;  ///< ascending
};

}  // namespace cvxnn::descent
