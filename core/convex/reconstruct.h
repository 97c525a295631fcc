// SPDX-License-Identifier: Apache-2.0
// From a convex solution back to a two-layer network (MATH, section 6).
#pragma once

#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/network/network.h"

namespace cvxnn::convex {

/// The network of a solution: one neuron (u, α) = (v/√‖v‖, ±√‖v‖ e_k) for every non-zero block v_pk (+) and w_pk (−),
/// balanced, so its group-ℓ2 penalty is β Σ (‖v‖ + ‖w‖). Under a nuclear penalty one for every singular value of every
/// V_p instead, so its weight decay is β Σ_p ‖V_p‖_*. Gated networks carry the gates of their patterns. At a
/// feasible point its objective equals the convex one; at an infeasible one the ReLU network clips what the program
/// does not.
Network Reconstruct(const Program& program, const Solution& solution);

}  // namespace cvxnn::convex
