// SPDX-License-Identifier: Apache-2.0
// See stall_detector.h.
#include "core/convex/stall_detector.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace cvxnn::convex {
namespace {

constexpr int kWindow = 100;  // epochs

}  // namespace

bool StallDetector::Stalled(double objective, double lower_bound) {
  const double scale = tolerance_ * std::max(std::abs(objective), 1e-300);
  if (std::abs(objective - objective_) > scale || std::abs(lower_bound - lower_bound_) > scale) {
    objective_ = objective;
    lower_bound_ = lower_bound;
    unchanged_ = 0;
  }
  return ++unchanged_ > kWindow;
}

void StallDetector::Save(const std::string& prefix, descent::State* state) const {
  (*state)[prefix + "objective"] = objective_;
  (*state)[prefix + "lower_bound"] = lower_bound_;
  (*state)[prefix + "unchanged"] = std::int64_t{unchanged_};
}

void StallDetector::Load(const std::string& prefix, descent::StateReader* reader) {
  objective_ = reader->Number(prefix + "objective");
  lower_bound_ = reader->Number(prefix + "lower_bound");
  unchanged_ = static_cast<int>(reader->Integer(prefix + "unchanged"));
}

}  // namespace cvxnn::convex
