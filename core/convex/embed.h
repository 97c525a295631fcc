// SPDX-License-Identifier: Apache-2.0
// A ReLU network as a feasible point of the convex program over its own patterns (MATH, section 4): the inverse of
// reconstruct.h.
#pragma once

#include "absl/status/statusor.h"
#include "core/convex/solve.h"
#include "core/network/network.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn::convex {

struct Embedded {
  ActivationPatterns patterns;
  Start start;
};

/// The distinct patterns of the neurons over rows X (n×d) and the network's weights as blocks of the program over them:
/// v_pk is the sum of u_j α_jk over neurons with pattern p and α_jk > 0, w_pk likewise where α_jk < 0. Feasible; its
/// objective is at most that of the balanced network under group_l2. Neurons active on no row are left out: they add to
/// the penalty alone. The network's tensors share device and dtype with X. CANCELLED when `should_stop` says so.
absl::StatusOr<Embedded> Embed(const at::Tensor& features, const Network& network,
                               const std::function<bool()>& should_stop = {});

}  // namespace cvxnn::convex
