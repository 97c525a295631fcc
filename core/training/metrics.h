// SPDX-License-Identifier: Apache-2.0
// What is reported each epoch and at the end. A value that has no meaning for a job, or was not computed in an epoch,
// is absent, not zero.
#pragma once

#include <cstdint>
#include <optional>

#include "core/descent/method.h"

namespace cvxnn::training {

/// One epoch: one solver iteration of convex training, or one pass over the data of one trial of descent.
struct EpochMetrics {
  std::int32_t trial = 0;                      ///< 0-based; 0 for convex training; of a path the position of its β
  std::int64_t epoch = 0;                      ///< 1-based within the trial; 0 is the state before training,
                                               ///< all there is when zero is known to be the convex optimum
  double seconds = 0;                          ///< of training (set-up included), monotonic; before resume_from too
  std::optional<double> objective;             ///< train objective: convex objective, or loss + penalty of descent
  std::optional<double> loss;                  ///< train loss at the job's scale
  std::optional<double> penalty;               ///< objective - loss
  std::optional<double> train_accuracy;        ///< [0, 1]
  std::optional<double> test_accuracy;         ///< [0, 1]
  std::optional<double> test_loss;             ///< at the job's scale, over the test rows
  std::optional<double> network_objective;     ///< of the reconstructed network; ReLU: an upper bound on p*
  std::optional<double> lower_bound;           ///< best lower bound on the (restricted) optimum so far, see
                                               ///< convex::Progress
  std::optional<double> gap;                   ///< (objective - lower_bound) / |objective|, 0 where both are 0
  std::optional<double> constraint_violation;  ///< convex ReLU, see convex::Progress
  std::optional<std::int64_t> round;           ///< of refinement: 0 for the first solve
  std::optional<std::int64_t> active_neurons;  ///< neurons (pattern and sign) with non-zero weights
  std::optional<double> step_size;             ///< learning rate, 1/L of FISTA, ρ₁ of ADMM, or Newton's share
  std::optional<double> gradient_norm;  ///< descent: ‖∇ objective‖₂ over the trial's weights, before clipping
  std::optional<std::int64_t> changed_patterns;   ///< descent: neurons whose pattern is not that of the start
  std::optional<std::int64_t> distinct_patterns;  ///< descent: different patterns among the m neurons
  std::optional<std::int64_t> dead_neurons;       ///< descent: neurons active on no training row
  std::optional<double> beta;                     ///< regularisation path: the β of this program
};

/// What a trial of descent was given: training rows, neurons, learning rate and β.
using TrialSetting = descent::TrialSetting;

/// Why training ended.
enum class Termination {
  kConverged,   ///< the stopping rule's tolerance was reached, or those of L-BFGS by every trial
  kEpochLimit,  ///< max_epochs done
  kTimeLimit,   ///< max_seconds used up
  kStopped,     ///< the observer or the caller asked to stop (cancel)
  kStalled,     ///< no further progress is possible at this precision
  kDiverged,    ///< every trial of descent exploded
  /// Numbers failed in convex training far from an optimum; the model is the best met before.
  kNumericalTrouble,
};

}  // namespace cvxnn::training
