// SPDX-License-Identifier: Apache-2.0
// Views into, and selections of, the flat matrix of weights; see trial_weights.h.
#include "core/descent/trial_weights.h"

#include <ATen/ATen.h>

#include <utility>

namespace cvxnn::descent {

at::Tensor FirstLayers(const at::Tensor& flat, const NetworkShape& shape) {
  return flat.narrow(1, 0, shape.first_size()).view({flat.size(0), shape.inputs, shape.neurons});
}

at::Tensor SecondLayers(const at::Tensor& flat, const NetworkShape& shape) {
  return flat.narrow(1, shape.first_size(), shape.size() - shape.first_size())
      .view({flat.size(0), shape.neurons, shape.outputs});
}

void TrialWeights::SetBetas(std::vector<double> values) {
  betas = std::move(values);
  const auto host = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  beta_column = at::tensor(betas, host).unsqueeze(1).to(flat.device(), flat.scalar_type());
}

void TrialWeights::Repeat(std::int64_t copies) {
  if (copies == 1) return;
  const bool shared = gates.defined() && gates.stride(0) == 0;
  flat = flat.repeat({copies, 1});
  gradient = gradient.repeat({copies, 1});
  if (gates.defined()) {
    gates = shared ? gates.narrow(0, 0, 1).expand({flat.size(0), -1, -1}) : gates.repeat({copies, 1, 1});
  }
  std::vector<double> repeated;
  for (std::int64_t copy = 0; copy < copies; ++copy) repeated.insert(repeated.end(), betas.begin(), betas.end());
  SetBetas(std::move(repeated));
}

void TrialWeights::Keep(const at::Tensor& slots) {
  const at::Tensor index = slots.to(flat.device());
  flat = flat.index_select(0, index);
  gradient = gradient.index_select(0, index);
  std::vector<double> kept;
  const std::int64_t* const which = slots.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < slots.size(0); ++i) kept.push_back(betas[static_cast<std::size_t>(which[i])]);
  SetBetas(std::move(kept));
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
