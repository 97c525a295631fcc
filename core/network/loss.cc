// SPDX-License-Identifier: Apache-2.0
// Names and the multiple of Σℓ that each loss scale stands for (MATH, section 1).
#include "core/network/loss.h"

namespace cvxnn {

double SumMultiple(LossScale scale, double rows) {
  switch (scale) {
    case LossScale::kHalfSum:
      return 0.5;
    case LossScale::kSum:
      return 1;
    case LossScale::kMean:
      return 1 / rows;
  }
  return 1;
}

double HalfSumMultiple(LossScale scale, double rows) { return 2 * SumMultiple(scale, rows); }

std::string Name(Loss loss) {
  switch (loss) {
    case Loss::kSquared:
      return "squared";
    case Loss::kLogistic:
      return "logistic";
    case Loss::kCrossEntropy:
      return "cross_entropy";
    case Loss::kHinge:
      return "hinge";
    case Loss::kSquaredHinge:
      return "squared_hinge";
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
    case Penalty::kRidge:
      return "ridge";
    case Penalty::kL1:
      return "l1";
    case Penalty::kFeatureGroups:
      return "feature_groups";
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
