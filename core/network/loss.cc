// SPDX-License-Identifier: Apache-2.0
// Names and the multiple of ½‖F - Y‖² that each loss scale stands for (MATH, section 1).
#include "core/network/loss.h"

namespace cvxnn {

double HalfSumMultiple(LossScale scale, double rows) {
  switch (scale) {
    case LossScale::kHalfSum:
      return 1;
    case LossScale::kSum:
      return 2;
    case LossScale::kMean:
      return 2 / rows;
  }
  return 1;
}

std::string Name(Loss loss) {
  switch (loss) {
    case Loss::kSquared:
      return "squared";
  }
  return "unknown";
}

std::string Name(LossScale scale) {
  switch (scale) {
    case LossScale::kHalfSum:
      return "half_sum";
    case LossScale::kSum:
      return "sum";
    case LossScale::kMean:
      return "mean";
  }
  return "unknown";
}

std::string Name(Penalty penalty) {
  switch (penalty) {
    case Penalty::kGroupL2:
      return "group_l2";
    case Penalty::kWeightDecay:
      return "weight_decay";
    case Penalty::kNone:
      return "none";
  }
  return "unknown";
}

std::string Name(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return "relu";
    case Activation::kGated:
      return "gated";
  }
  return "unknown";
}

}  // namespace cvxnn
