// SPDX-License-Identifier: Apache-2.0
// The losses that FunctionOf chooses from, each in the file of its name.
#pragma once

#include "core/network/loss_function.h"

namespace cvxnn {

const LossFunction& SquaredLoss();
const LossFunction& LogisticLoss();
const LossFunction& CrossEntropyLoss();
const LossFunction& HingeLoss();
const LossFunction& SquaredHingeLoss();

}  // namespace cvxnn
