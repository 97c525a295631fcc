// SPDX-License-Identifier: Apache-2.0
// Views into, and selections of, the flat matrix of weights; see trial_weights.h.
#include "core/descent/trial_weights.h"

#include <ATen/ATen.h>

namespace cvxnn::descent {

at::Tensor FirstLayers(const at::Tensor& flat, const NetworkShape& shape) {
  return flat.narrow(1, 0, shape.first_size()).view({flat.size(0), shape.inputs, shape.neurons});
}

at::Tensor SecondLayers(const at::Tensor& flat, const NetworkShape& shape) {
  return flat.narrow(1, shape.first_size(), shape.size() - shape.first_size())
      .view({flat.size(0), shape.neurons, shape.outputs});
}

void TrialWeights::Keep(const at::Tensor& slots) {
  const at::Tensor index = slots.to(flat.device());
  flat = flat.index_select(0, index);
  gradient = gradient.index_select(0, index);
  if (!gates.defined()) return;
  const bool shared = gates.stride(0) == 0;
  gates = shared ? gates.narrow(0, 0, 1).expand({slots.size(0), -1, -1}) : gates.index_select(0, index);
}

Network NetworkAt(const at::Tensor& flat, const TrialWeights& weights, std::int64_t slot) {
  const at::Tensor row = flat.narrow(0, slot, 1);
  Network network;
  network.first_layer = FirstLayers(row, weights.shape)[0].clone();
  network.second_layer = SecondLayers(row, weights.shape)[0].clone();
  if (weights.gates.defined()) {
    network.activation = Activation::kGated;
    network.gates = weights.gates[slot].clone();
  }
  return network;
}

}  // namespace cvxnn::descent
