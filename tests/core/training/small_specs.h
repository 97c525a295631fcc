// SPDX-License-Identifier: Apache-2.0
// What the tests of training ask for where it does not matter: short, and alike on every machine.
#pragma once

#include "core/training/spec.h"

namespace cvxnn::training {

/// 20 sampled patterns at 0.05 β_max, to 1e-4, without refinement.
inline Spec SmallConvexSpec(Activation activation) {
  Spec spec;
  spec.beta_max_fraction = 0.05;
  spec.seed = 3;
  spec.stopping.max_epochs = 20000;
  spec.stopping.tolerance = 1e-4;
  ConvexTraining convex;
  convex.activation = activation;
  convex.patterns = SampledPatterns{20};
  convex.refinement = Refinement{.max_rounds = 0};
  spec.method = convex;
  return spec;
}

/// Three trials of 8 neurons, 25 epochs.
inline Spec SmallDescentSpec() {
  Spec spec;
  spec.beta = 0.01;
  spec.loss_scale = LossScale::kMean;
  spec.stopping.max_epochs = 25;
  GradientDescent descent;
  descent.neurons = 8;
  descent.trials = 3;
  descent.learning_rate = 0.05;
  spec.method = descent;
  return spec;
}

}  // namespace cvxnn::training
