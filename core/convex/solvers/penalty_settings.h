// SPDX-License-Identifier: Apache-2.0
// How the penalty method of a convex program steps (solvers/penalty_method.h), as plain structs: specs and the server
// use them too, so no tensors here.
#pragma once

#include <cstdint>
#include <optional>

#include "core/descent/method.h"

namespace cvxnn::convex {

/// ρ is in the units of the loss: it multiplies the sum of violations over the rows where the loss is a sum, their mean
/// where it is a mean.
struct PenaltySettings {
  double rho = 1;  ///< ρ > 0; without effect on gated programs, which have no cones
  descent::Optimizer optimizer = {};
  /// Multiplies the gradient of the whole objective at the program's loss scale. Absent: DefaultLearningRate.
  std::optional<double> learning_rate = {};
  descent::Schedule schedule = {};  ///< a plateau goes by the penalised objective
  std::int64_t batch_size = 0;      ///< rows per step, as descent::Method::batch_size; 0 or >= n: full batch
};

/// The same as settings of descent, whose ranges they share (descent::CheckRanges).
inline descent::Method AsMethod(const PenaltySettings& settings) {
  descent::Method method;
  method.optimizer = settings.optimizer;
  method.learning_rate = settings.learning_rate;
  method.schedule = settings.schedule;
  method.batch_size = settings.batch_size;
  return method;
}

}  // namespace cvxnn::convex
