// SPDX-License-Identifier: Apache-2.0
// Names of optimisers and initialisations.
#include "core/descent/method.h"

namespace cvxnn::descent {

std::string Name(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::kSgd:
      return "sgd";
    case Optimizer::kAdam:
      return "adam";
  }
  return "unknown";
}

std::string Name(Initialization initialization) {
  switch (initialization) {
    case Initialization::kTorchLinear:
      return "torch_linear";
    case Initialization::kGaussian:
      return "gaussian";
  }
  return "unknown";
}

}  // namespace cvxnn::descent
