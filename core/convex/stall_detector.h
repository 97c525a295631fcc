// SPDX-License-Identifier: Apache-2.0
// Tells when rounding has brought a solve to a standstill.
#pragma once

#include <limits>
#include <string>

#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

/// Stalled once, over a window of epochs, neither objective nor bound moved by more than a few units in the last place.
class StallDetector {
 public:
  /// `epsilon`: of the type of the data.
  explicit StallDetector(double epsilon) : tolerance_(8 * epsilon) {}

  /// Takes one epoch's values.
  bool Stalled(double objective, double lower_bound);

  void Save(const std::string& prefix, descent::State* state) const;
  void Load(const std::string& prefix, descent::StateReader* reader);

 private:
  double tolerance_;
  double objective_ = std::numeric_limits<double>::infinity();
  double lower_bound_ = 0;
  int unchanged_ = 0;
};

}  // namespace cvxnn::convex
