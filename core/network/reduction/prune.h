// SPDX-License-Identifier: Apache-2.0
// Pruning (Mishkin & Pilanci, arXiv 2306.00119, section 4). The outputs q_j = σ(Xu_j)α_jᵀ (n·c numbers) of more than
// n·c neurons are linearly dependent: Σ_j γ_j q_j = 0 with Σ_j γ_j ‖u_j‖‖α_j‖ >= 0, and scaling neuron j by 1 − tγ_j
// for the largest t that keeps all of them >= 0 takes one away, leaves the outputs as they are and does not raise the
// penalty. Repeated until the outputs are independent.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/network/loss.h"
#include "core/network/network.h"
#include "core/network/reduction/methods.h"

namespace cvxnn {

/// Pruning to independence works on matrices of min(n·c, m) rows or columns; above this it is refused.
inline constexpr std::int64_t kMostPrunedAtOnce = 4096;

/// Merged(network), and then neurons taken away until their outputs on the rows X (n×d) are linearly independent: at
/// most n·c are left, the outputs on X are as they were up to rounding, and the penalty (kNone: weight decay) is no
/// larger, so an optimal network stays optimal. Computed in float64, given balanced in the dtype of `network`.
/// RESOURCE_EXHAUSTED with both numbers when the outputs of the neurons do not fit in memory, or min(n·c, m) is above
/// kMostPrunedAtOnce.
absl::StatusOr<Network> PrunedToMinimal(const Network& network, const at::Tensor& features, Penalty penalty);

/// The `max_neurons` (>= 1) neurons with the largest ‖u_j‖‖α_j‖ as the penalty measures it, corrected, balanced.
/// `network` itself, balanced, when it has no more.
Network PrunedTo(const Network& network, const at::Tensor& features, Penalty penalty, std::int64_t max_neurons,
                 Correction correction);

}  // namespace cvxnn
