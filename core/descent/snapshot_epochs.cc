// SPDX-License-Identifier: Apache-2.0
// See snapshot_epochs.h.
#include "core/descent/snapshot_epochs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cvxnn::descent {

SnapshotEpochs::SnapshotEpochs(const std::optional<Snapshots>& snapshots, std::int64_t max_epochs)
    : max_epochs_(max_epochs) {
  if (!snapshots) return;
  if (const auto* every = std::get_if<EveryEpochs>(&snapshots->spacing)) {
    every_ = every->epochs;
    return;
  }
  const auto count = static_cast<double>(std::get<PerDecade>(snapshots->spacing).count);
  epochs_.push_back(0);
  for (double i = 0;; ++i) {
    const double power = std::pow(10.0, i / count);
    if (power > static_cast<double>(max_epochs) + 0.5) break;
    const auto epoch = static_cast<std::int64_t>(std::llround(power));
    if (epoch > epochs_.back() && epoch <= max_epochs) epochs_.push_back(epoch);
  }
}

std::int64_t SnapshotEpochs::count() const {
  return every_ > 0 ? max_epochs_ / every_ + 1 : static_cast<std::int64_t>(epochs_.size());
}

std::int64_t SnapshotEpochs::From(std::int64_t epoch) const {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  if (every_ > 0) {
    const std::int64_t past = epoch % every_;
    if (past == 0) return epoch;
    return epoch > kNever - every_ ? kNever : epoch - past + every_;
  }
  const auto found = std::lower_bound(epochs_.begin(), epochs_.end(), epoch);
  return found == epochs_.end() ? kNever : *found;
}

}  // namespace cvxnn::descent
