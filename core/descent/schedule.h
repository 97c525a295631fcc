// SPDX-License-Identifier: Apache-2.0
// Learning rates by epoch (method.h, Schedule), one for each trial: reduce-on-plateau goes by the trial's own
// objective.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/descent/method.h"

namespace cvxnn::descent {

/// Not thread-safe. Slots are those of the trials in training.
class RateSchedule {
 public:
  RateSchedule(const Schedule& schedule, double learning_rate, std::size_t slots);

  /// The rate of each slot for the steps of `epoch` (>= 1). To be asked for in order.
  const std::vector<double>& RatesOf(std::int64_t epoch);

  /// Hears the objective with which a slot ended `epoch`; to be told after every epoch from 1.
  void Observe(std::size_t slot, std::int64_t epoch, double objective);

  /// Leaves only these slots (ascending).
  void Keep(const std::vector<std::int64_t>& slots);

 private:
  struct Plateau {
    double rate;
    double least;  ///< objective so far
    std::int64_t bad_epochs = 0;
    std::int64_t cooldown = 0;
  };

  Schedule schedule_;
  double learning_rate_;
  std::vector<Plateau> plateaus_;  ///< one a slot; used by ReduceOnPlateau
  std::vector<double> rates_;
};

}  // namespace cvxnn::descent
