// SPDX-License-Identifier: Apache-2.0
// The choice of an optimiser by its options.
#include "core/descent/optimizers/optimizer.h"

namespace cvxnn::descent {

std::unique_ptr<WeightUpdate> MakeWeightUpdate(const OptimizerOptions& options, const at::Tensor& weights) {
  switch (options.optimizer) {
    case Optimizer::kSgd:
      return MakeSgd(options, weights);
    case Optimizer::kAdam:
      return MakeAdam(options, weights);
  }
  return MakeSgd(options, weights);
}

}  // namespace cvxnn::descent
