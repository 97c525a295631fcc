// SPDX-License-Identifier: Apache-2.0
// The objective of a model, from the network room alone.
#pragma once

#include "core/network/network.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"

namespace cvxnn::training {

inline double Objective(const Spec& spec, const Network& network, const data::Dataset& dataset, double beta) {
  const TensorData data = ToTensors(dataset, c10::Device("cpu"), Precision::kFloat64);
  return LossValue(spec.loss, spec.loss_scale, Forward(network, data.features), data.targets) +
         PenaltyValue(spec.penalty, beta, network);
}

}  // namespace cvxnn::training
