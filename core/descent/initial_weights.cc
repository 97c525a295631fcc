// SPDX-License-Identifier: Apache-2.0
// Initial weights, gates and row orders; see initial_weights.h. LibTorch's CPU generator is not used: it keeps 32 bits
// of a seed, and its normal numbers depend on the processor's instruction set.
#include "core/descent/initial_weights.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "core/data/random.h"

namespace cvxnn::descent {
namespace {

void FillUniform(data::RandomStream& stream, double bound, double* begin, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) begin[i] = bound * (2 * stream.Uniform() - 1);
}

void FillNormal(data::RandomStream& stream, double deviation, double* begin, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) begin[i] = deviation * stream.Normal();
}

void FillWeights(const Options& options, const NetworkShape& shape, data::RandomStream stream, double* weights) {
  const std::int64_t second_size = shape.size() - shape.first_size();
  switch (options.initialization) {
    case Initialization::kTorchLinear:
      FillUniform(stream, 1 / std::sqrt(static_cast<double>(shape.inputs)), weights, shape.first_size());
      FillUniform(stream, 1 / std::sqrt(static_cast<double>(shape.neurons)), weights + shape.first_size(), second_size);
      return;
    case Initialization::kGaussian:
      FillNormal(stream, options.initialization_scale, weights, shape.size());
      return;
  }
}

TrialWeights GivenWeights(const std::vector<Network>& start, const NetworkShape& shape) {
  std::vector<at::Tensor> rows;
  std::vector<at::Tensor> gates;
  for (const Network& network : start) {
    rows.push_back(at::cat({network.first_layer.reshape({-1}), network.second_layer.reshape({-1})}));
    if (network.activation == Activation::kGated) gates.push_back(network.gates);
  }
  TrialWeights weights;
  weights.shape = shape;
  weights.flat = at::stack(rows);
  weights.gradient = at::zeros_like(weights.flat);
  if (!gates.empty()) weights.gates = at::stack(gates);
  return weights;
}

}  // namespace

TrialWeights InitialWeights(const Options& options, const NetworkShape& shape, const at::Tensor& like) {
  if (!options.start.empty()) return GivenWeights(options.start, shape);
  const auto cpu = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  at::Tensor flat = at::empty({options.trials, shape.size()}, cpu);
  for (std::int64_t slot = 0; slot < options.trials; ++slot) {
    FillWeights(options, shape,
                data::StreamOf(options.seed, data::StreamPurpose::kInitialWeights, options.first_trial + slot),
                flat.data_ptr<double>() + slot * shape.size());
  }

  TrialWeights weights;
  weights.shape = shape;
  weights.flat = flat.to(like.device(), like.scalar_type());
  weights.gradient = at::zeros_like(weights.flat);
  if (options.activation != Activation::kGated) return weights;
  if (options.gates.defined()) {
    weights.gates = options.gates.contiguous().unsqueeze(0).expand({options.trials, -1, -1});
    return weights;
  }
  at::Tensor gates = at::empty({options.trials, shape.inputs, shape.neurons}, cpu);
  for (std::int64_t slot = 0; slot < options.trials; ++slot) {
    data::RandomStream stream =
        data::StreamOf(options.seed, data::StreamPurpose::kInitialGates, options.first_trial + slot);
    FillNormal(stream, 1, gates.data_ptr<double>() + slot * shape.first_size(), shape.first_size());
  }
  weights.gates = gates.to(like.device(), like.scalar_type());
  return weights;
}

std::vector<std::int64_t> RowOrder(std::uint64_t seed, std::int64_t trial, std::int64_t epoch, std::int64_t rows) {
  data::RandomStream stream = data::StreamOf(seed, data::StreamPurpose::kRowOrder, trial, epoch);
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t last = order.size(); last > 1; --last) {
    std::swap(order[last - 1], order[stream.Below(last)]);
  }
  return order;
}

}  // namespace cvxnn::descent
