// SPDX-License-Identifier: Apache-2.0
// The choice of a loss by its name.
#include "core/network/loss_function.h"

#include "core/network/losses/losses.h"

namespace cvxnn {

const LossFunction& FunctionOf(Loss loss) {
  switch (loss) {
    case Loss::kSquared:
      return SquaredLoss();
    case Loss::kLogistic:
      return LogisticLoss();
    case Loss::kCrossEntropy:
      return CrossEntropyLoss();
    case Loss::kHinge:
      return HingeLoss();
    case Loss::kSquaredHinge:
      return SquaredHingeLoss();
  }
  return SquaredLoss();
}

}  // namespace cvxnn
