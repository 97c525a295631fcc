// SPDX-License-Identifier: Apache-2.0
// Groups by pattern, then by direction; see merge.h.
#include "core/network/reduction/merge.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace cvxnn {
namespace {

// Unit vectors this near are one direction: far below what an objective can show, above the rounding of a division.
constexpr double kSameDirection = 1e-13;

using Groups = std::vector<std::vector<std::int64_t>>;

// Columns of the n×m mask that are equal, in the order of their first.
Groups ByPattern(const at::Tensor& mask) {
  const at::Tensor bytes = mask.t().contiguous().to(at::kCPU);
  const auto length = static_cast<std::size_t>(bytes.size(1));
  const auto* begin = static_cast<const char*>(bytes.data_ptr());
  absl::flat_hash_map<std::string, std::size_t> known;
  Groups groups;
  for (std::int64_t j = 0; j < bytes.size(0); ++j) {
    const auto [at, fresh] =
        known.try_emplace(std::string(begin + static_cast<std::size_t>(j) * length, length), groups.size());
    if (fresh) groups.emplace_back();
    groups[at->second].push_back(j);
  }
  return groups;
}

// Splits each group by the direction of its columns of `directions` (unit columns, float64 on the CPU).
Groups ByDirection(const Groups& groups, const at::Tensor& directions) {
  const at::Tensor rows = directions.t().contiguous();
  const std::int64_t length = rows.size(1);
  const double* begin = rows.data_ptr<double>();
  const auto distance = [&](std::int64_t a, std::int64_t b) {
    double sum = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const double difference = begin[a * length + i] - begin[b * length + i];
      sum += difference * difference;
    }
    return sum;
  };
  Groups split;
  for (const auto& group : groups) {
    const std::size_t first = split.size();
    for (const std::int64_t j : group) {
      std::size_t at = first;
      while (at < split.size() && distance(split[at].front(), j) > kSameDirection * kSameDirection) ++at;
      if (at == split.size()) split.emplace_back();
      split[at].push_back(j);
    }
  }
  return split;
}

at::Tensor Norms(const at::Tensor& columns) { return columns.square().sum(0).sqrt(); }

// Sums the columns of `values` over each group.
at::Tensor SumOf(const at::Tensor& values, const Groups& groups) {
  std::vector<std::int64_t> owner(static_cast<std::size_t>(values.size(1)), 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::int64_t j : groups[g]) owner[static_cast<std::size_t>(j)] = static_cast<std::int64_t>(g);
  }
  const at::Tensor index = at::tensor(owner, at::TensorOptions().dtype(at::kLong).device(at::kCPU));
  return at::zeros({values.size(0), static_cast<std::int64_t>(groups.size())}, values.options())
      .index_add_(1, index, values);
}

at::Tensor FirstOf(const at::Tensor& values, const Groups& groups) {
  std::vector<std::int64_t> first;
  first.reserve(groups.size());
  for (const auto& group : groups) first.push_back(group.front());
  return values.index_select(1, at::tensor(first, at::TensorOptions().dtype(at::kLong).device(at::kCPU)));
}

// Neurons on the CPU in float64, one a column.
struct Neurons {
  at::Tensor first;   // d×m
  at::Tensor second;  // c×m
  at::Tensor gates;   // d×m, or undefined
  at::Tensor mask;    // n×m

  void Keep(const at::Tensor& which) {
    const at::Tensor index = which.nonzero().squeeze(1);
    for (at::Tensor* part : {&first, &second, &gates, &mask}) {
      if (part->defined()) *part = part->index_select(1, index);
    }
  }
  // Neurons of one group become one: `summed` is added up, `common` points the same way in all of them.
  void Merge(const Groups& groups, at::Tensor Neurons::*summed, at::Tensor Neurons::*common) {
    const at::Tensor norms = Norms(this->*common);
    const at::Tensor directions = (this->*common).div(norms);
    this->*summed = SumOf((this->*summed).mul(norms), groups);
    this->*common = FirstOf(directions, groups);
    mask = FirstOf(mask, groups);
    if (gates.defined()) gates = FirstOf(gates, groups);
    Keep(Norms(this->*summed).gt(0));
  }
};

}  // namespace

Network Merged(const Network& network, const at::Tensor& features, Penalty penalty) {
  const auto to_double = [](const at::Tensor& x) { return x.to(at::kCPU).to(at::kDouble); };
  const at::Tensor x = to_double(features);
  Neurons neurons;
  neurons.first = to_double(network.first_layer);
  neurons.second = to_double(network.second_layer).t().contiguous();
  const bool gated = network.activation == Activation::kGated;
  if (gated) neurons.gates = to_double(network.gates);
  const at::Tensor products = at::mm(x, neurons.first);
  neurons.mask = gated ? at::mm(x, neurons.gates).ge(0) : products.gt(0);
  neurons.Keep(products.mul(neurons.mask).ne(0).any(0).logical_and(Norms(neurons.second).gt(0)));

  const auto directions = [](const at::Tensor& columns) { return columns.div(Norms(columns)); };
  neurons.Merge(ByDirection(ByPattern(neurons.mask), directions(neurons.second)), &Neurons::first, &Neurons::second);
  neurons.Merge(ByDirection(ByPattern(neurons.mask), directions(neurons.first)), &Neurons::second, &Neurons::first);

  Network merged;
  merged.activation = network.activation;
  merged.first_layer = neurons.first;
  merged.second_layer = neurons.second.t().contiguous();
  merged.gates = neurons.gates;
  merged = Balanced(merged, penalty);
  const auto restore = [&](const at::Tensor& weights) { return weights.to(network.first_layer.options()); };
  merged.first_layer = restore(merged.first_layer);
  merged.second_layer = restore(merged.second_layer);
  if (gated) merged.gates = restore(merged.gates);
  return merged;
}

}  // namespace cvxnn
