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

/// Fills the weights of one trial: first layer, then second.
struct FillWeights {
  data::RandomStream stream;
  const NetworkShape& shape;
  double* weights;

  double* second() const { return weights + shape.first_size(); }
  std::int64_t second_size() const { return shape.size() - shape.first_size(); }
  double inputs() const { return static_cast<double>(shape.inputs); }
  double neurons() const { return static_cast<double>(shape.neurons); }

  void operator()(const TorchLinear& /*linear*/) {
    FillUniform(stream, 1 / std::sqrt(inputs()), weights, shape.first_size());
    FillUniform(stream, 1 / std::sqrt(neurons()), second(), second_size());
  }
  void operator()(const Kaiming& /*kaiming*/) {
    FillNormal(stream, std::sqrt(2 / inputs()), weights, shape.first_size());
    FillNormal(stream, std::sqrt(2 / neurons()), second(), second_size());
  }
  void operator()(const Gaussian& gaussian) { FillNormal(stream, gaussian.scale, weights, shape.size()); }
  void operator()(const BalancedGaussian& balanced) { FillNormal(stream, balanced.scale, weights, shape.size()); }
  void operator()(const FromModels& /*models*/) {}  // the networks of Options::start, see GivenWeights
};

/// Balances a trial's neurons; `row` is its K weights in float64.
void BalanceRow(const NetworkShape& shape, Penalty penalty, at::Tensor row) {
  Network network;
  network.first_layer = FirstLayers(row.unsqueeze(0), shape)[0];
  network.second_layer = SecondLayers(row.unsqueeze(0), shape)[0];
  const Network balanced = Balanced(network, penalty);
  network.first_layer.copy_(balanced.first_layer);
  network.second_layer.copy_(balanced.second_layer);
}

TrialWeights GivenWeights(const Options& options, const NetworkShape& shape) {
  std::vector<at::Tensor> rows;
  std::vector<at::Tensor> gates;
  for (std::int64_t slot = 0; slot < options.trials; ++slot) {
    const Network& network = options.start[options.start.size() == 1 ? 0 : static_cast<std::size_t>(slot)];
    rows.push_back(at::cat({network.first_layer.reshape({-1}), network.second_layer.reshape({-1})}));
    if (network.activation == Activation::kGated) gates.push_back(network.gates);
  }
  TrialWeights weights;
  weights.shape = shape;
  weights.flat = at::stack(rows);
  weights.gradient = at::zeros_like(weights.flat);
  if (!gates.empty()) weights.gates = at::stack(gates);
  weights.SetBetas(std::vector<double>(static_cast<std::size_t>(options.trials), options.beta));
  return weights;
}

}  // namespace

TrialWeights InitialWeights(const Options& options, const NetworkShape& shape, const at::Tensor& like) {
  if (!options.start.empty()) return GivenWeights(options, shape);
  const auto cpu = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  at::Tensor flat = at::empty({options.trials, shape.size()}, cpu);
  for (std::int64_t slot = 0; slot < options.trials; ++slot) {
    data::RandomStream stream =
        data::StreamOf(options.seed, data::StreamPurpose::kInitialWeights, options.first_trial + slot);
    std::visit(FillWeights{std::move(stream), shape, flat.data_ptr<double>() + slot * shape.size()},
               options.initialization);
    if (std::holds_alternative<BalancedGaussian>(options.initialization)) {
      BalanceRow(shape, options.penalty, flat[slot]);
    }
  }

  TrialWeights weights;
  weights.shape = shape;
  weights.flat = flat.to(like.device(), like.scalar_type());
  weights.gradient = at::zeros_like(weights.flat);
  weights.SetBetas(std::vector<double>(static_cast<std::size_t>(options.trials), options.beta));
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

void RowOrder(std::uint64_t seed, std::int64_t trial, std::int64_t epoch, std::vector<std::int64_t>* order) {
  data::RandomStream stream = data::StreamOf(seed, data::StreamPurpose::kRowOrder, trial, epoch);
  std::iota(order->begin(), order->end(), std::int64_t{0});
  for (std::size_t last = order->size(); last > 1; --last) {
    std::swap((*order)[last - 1], (*order)[stream.Below(last)]);
  }
}

}  // namespace cvxnn::descent
