// SPDX-License-Identifier: Apache-2.0
// Fewer neurons by adding up those that do the same on the training rows (Wang, Lacotte & Pilanci, arXiv 2006.05900;
// Mishkin & Pilanci, arXiv 2306.00119): neurons of one activation pattern whose second layers point the same way are
// one neuron, Σ_j (Xu_j)₊ ‖α_j‖ = (X Σ_j ‖α_j‖u_j)₊, and so are neurons whose first layers point the same way.
#pragma once

#include "core/network/loss.h"
#include "core/network/network.h"

namespace cvxnn {

/// A network with the outputs of `network` on the rows X (n×d, its dtype and device) up to rounding, balanced for
/// `penalty` (kNone: as kWeightDecay), whose penalty is no larger. Neurons without output on X are left out. Computed
/// in float64, given in the dtype of `network`. A merged gated neuron has the gate of the first of its neurons.
Network Merged(const Network& network, const at::Tensor& features, Penalty penalty);

}  // namespace cvxnn
