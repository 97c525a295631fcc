// SPDX-License-Identifier: Apache-2.0
// From a convex solution back to a two-layer network (MATH, section 6).
#pragma once

#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/network/network.h"

namespace cvxnn::convex {

/// The network of a solution: one neuron (u, α) = (v/√‖v‖, ±√‖v‖ e_k) for every non-zero block v_pk (+) and w_pk (−),
/// balanced, so its group-ℓ2 penalty is β Σ (‖v‖ + ‖w‖). Of gated programs under a nuclear penalty one for every
/// singular value of every V_p instead, so its weight decay is β Σ_p ‖V_p‖_*; of ReLU programs, where that is a
/// relaxation, its weight decay is that of the columns and may be higher. Under penalties of the products u_j α_jk
/// (core/network/loss.h) the penalty of the network is that of the program. Gated networks carry the gates of their
/// patterns. At a feasible point its objective equals the convex one but for the relaxation; at an infeasible one the
/// ReLU network clips what the program does not.
Network Reconstruct(const Program& program, const Solution& solution);

}  // namespace cvxnn::convex
