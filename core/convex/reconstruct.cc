// SPDX-License-Identifier: Apache-2.0
// Blocks to neurons; see reconstruct.h.
#include "core/convex/reconstruct.h"

#include <ATen/ATen.h>

#include "core/convex/group_l2.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {

Network Reconstruct(const Program& program, const Solution& solution) {
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
