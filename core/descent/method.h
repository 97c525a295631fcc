// SPDX-License-Identifier: Apache-2.0
// Names for how gradient descent starts and steps. No tensors here: specs and the server use these names.
#pragma once

#include <string>

namespace cvxnn::descent {

/// How a gradient becomes a step; both agree step by step with the class of that name in torch.optim.
enum class Optimizer {
  kSgd,   ///< stochastic gradient descent with heavy-ball momentum (no dampening)
  kAdam,  ///< Kingma & Ba 2015, bias-corrected
};

/// What the weights are before training.
enum class Initialization {
  kTorchLinear,  ///< as torch.nn.Linear: U(-1/√fan_in, 1/√fan_in); fan_in is d for the first layer, m for the second
  kGaussian,     ///< N(0, scale²) for both layers
};

/// The optimiser and its constants. Symbols as in torch.optim.
struct OptimizerOptions {
  Optimizer optimizer = Optimizer::kSgd;
  /// > 0. It multiplies the gradient of the objective at the chosen loss scale: with LossScale::kHalfSum or kSum the
  /// gradient grows with the number of rows, so a rate that suits kMean must be divided by about n.
  double learning_rate = 1e-2;
  double momentum = 0;         ///< SGD: share of the last step kept, in [0, 1)
  double adam_beta1 = 0.9;     ///< Adam: decay of the gradient's mean, in [0, 1)
  double adam_beta2 = 0.999;   ///< Adam: decay of the gradient's square, in [0, 1)
  double adam_epsilon = 1e-8;  ///< Adam: added to the denominator, > 0
};

std::string Name(Optimizer optimizer);
std::string Name(Initialization initialization);

}  // namespace cvxnn::descent
