// SPDX-License-Identifier: Apache-2.0
// Blocks to neurons; see reconstruct.h.
#include "core/convex/reconstruct.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/convex/group_l2.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {
namespace {

// One neuron for each singular value of each pattern's block: V_p = Σ_r σ_r a_r b_rᵀ gives u = √σ_r a_r, α = √σ_r b_r.
Network FromBlocks(const Program& program, const at::Tensor& weights) {
  const std::int64_t inputs = weights.size(0), outputs = program.targets.size(1);
  const at::Tensor blocks = weights.view({inputs, -1, outputs}).permute({1, 0, 2});  // P×d×c
  const at::Tensor active = blocks.ne(0).flatten(1).any(1).nonzero().squeeze(1);
  const auto [left, values, right] = at::linalg_svd(blocks.index_select(0, active).to(at::kDouble), false);
  const std::int64_t most = std::min(inputs, outputs);
  // Singular values that the prox set to zero come back as rounding.
  const double epsilon = weights.scalar_type() == at::kFloat ? 1e-6 : 1e-14;
  const at::Tensor kept = values.gt(values.amax(1, true).mul(epsilon)).flatten().nonzero().squeeze(1);
  const at::Tensor root = values.flatten().index_select(0, kept).sqrt();
  const auto pick = [&](const at::Tensor& vectors) {
    return vectors.reshape({-1, vectors.size(2)})
        .index_select(0, kept)
        .mul(root.unsqueeze(1))
        .to(weights.scalar_type());
  };
  Network network;
  network.activation = program.activation;
  network.first_layer = pick(left.transpose(1, 2)).t().contiguous();
  network.second_layer = pick(right);
  network.gates = program.patterns.gates.index_select(1, active.index_select(0, kept.div(most, "floor")));
  return network;
}

}  // namespace

Network Reconstruct(const Program& program, const Solution& solution) {
  if (IsNuclear(program) && program.activation == Activation::kGated) return FromBlocks(program, solution.positive);
  const std::int64_t outputs = program.targets.size(1);
  const at::Tensor blocks =
      solution.negative.defined() ? at::cat({solution.positive, solution.negative}, 1) : solution.positive;
  const at::Tensor norms = ColumnNorms(blocks);
  const at::Tensor active = norms.nonzero().squeeze(1);
  const at::Tensor root = norms.index_select(0, active).sqrt().to(blocks.scalar_type());

  Network network;
  network.activation = program.activation;
  network.first_layer = blocks.index_select(1, active).div(root);
  network.second_layer =
      OutputSelector(active, outputs, solution.positive.size(1), blocks.options()).mul(root.unsqueeze(1));
  if (program.activation == Activation::kGated) {
    network.gates = program.patterns.gates.index_select(1, active.div(outputs, "floor"));
  }
  return network;
}

}  // namespace cvxnn::convex
