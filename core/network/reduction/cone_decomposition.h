// SPDX-License-Identifier: Apache-2.0
// From a gated network to a ReLU network with the same outputs on the training rows (Mishkin, Sahiner & Pilanci, arXiv
// 2202.01331, section 3): with D the pattern of a gate g, E = 2D − I and a gated neuron v, find a and b with
//   v = a − b,  E X a >= 0,  E X b >= 0,  so that  D X v = (Xa)₊ − (Xb)₊.
// With c = (a + b)/2 the constraints are E X c >= ½|Xv|: a polyhedron that c = t·g reaches for some t whenever no row
// lies on the gate's boundary.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/network/loss.h"
#include "core/network/network.h"
#include "core/network/reduction/methods.h"

namespace cvxnn {

struct DecompositionOptions {
  Decomposition method = Decomposition::kLeastNorm;
  double violation_weight = 1e3;  ///< ρ > 0 of kApproximate
};

/// kLeastNorm is refused for more inputs than this.
inline constexpr std::int64_t kMostLeastNormInputs = 100;

/// The ReLU network, merged and balanced for `penalty`, of a gated one on the rows X (n×d, its dtype and device).
/// Computed in float64, given in the dtype of `network`. Neurons that lie in their cone, or whose negative does, stay
/// one neuron. INVALID_ARGUMENT for a network that is not gated or a ρ that is not positive; RESOURCE_EXHAUSTED for
/// kLeastNorm with too many inputs; FAILED_PRECONDITION naming a neuron whose cone is too thin: a row on the boundary
/// of its gate, or (kLeastNorm) no c at all.
absl::StatusOr<Network> ToRelu(const Network& network, const at::Tensor& features, Penalty penalty,
                               const DecompositionOptions& options = {});

}  // namespace cvxnn
