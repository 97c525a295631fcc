// SPDX-License-Identifier: Apache-2.0
// Learning rates by epoch (method.h, Schedule), one for each trial: reduce-on-plateau goes by the trial's own
// objective.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/descent/checkpoint.h"
#include "core/descent/method.h"

namespace cvxnn::descent {

/// Not thread-safe. Slots are those of the trials in training.
class RateSchedule {
 public:
  /// `learning_rates`: the rate of each slot before the schedule.
  RateSchedule(const Schedule& schedule, std::vector<double> learning_rates);

  /// The rate of each slot for the steps of `epoch` (>= 1). To be asked for in order.
  const std::vector<double>& RatesOf(std::int64_t epoch);

  /// Whether the rates depend on the objectives: then Observe is to be told of every epoch.
  bool NeedsObjectives() const { return std::holds_alternative<ReduceOnPlateau>(schedule_.kind); }

  /// Hears the objective with which a slot ended `epoch`.
  void Observe(std::size_t slot, std::int64_t epoch, double objective);

  /// Leaves only these slots (ascending).
  void Keep(const std::vector<std::int64_t>& slots);

  /// Puts what rates to come depend on into `state`, under names that begin with `prefix`; takes it back.
  void Save(const std::string& prefix, State& state) const;
  void Load(StateReader& reader);

 private:
  struct Plateau {
    double rate;
    double least;  ///< objective so far
    std::int64_t bad_epochs = 0;
    std::int64_t cooldown = 0;
  };

  Schedule schedule_;
  std::vector<double> learning_rates_;
  std::vector<Plateau> plateaus_;  ///< one a slot; used by ReduceOnPlateau
  std::vector<double> rates_;
};

}  // namespace cvxnn::descent
