// SPDX-License-Identifier: Apache-2.0
// The penalties that MakePenaltyFunction chooses from. z_j are columns, Z_p the d×c block of a pattern (and sign).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "core/convex/penalties/penalty_function.h"

namespace cvxnn::convex {

/// What the rounding of a norm itself, in float64, is raised by where it must not come out too small.
inline constexpr double kOwnRounding = 1 + 32 * std::numeric_limits<double>::epsilon();

/// Σ_j ‖z_j‖₂ (group_l2.h); dual norm max_j ‖q_j‖₂.
std::unique_ptr<const PenaltyFunction> MakeGroupL2();

/// Σ_p ‖Z_p‖_* (nuclear.h); dual norm max_p ‖Q_p‖₂, the spectral norm. A neuron for each singular value.
std::unique_ptr<const PenaltyFunction> MakeNuclear(std::int64_t outputs);

/// ½ Σ z²; ½‖·‖² is its own conjugate.
std::unique_ptr<const PenaltyFunction> MakeRidge(std::int64_t outputs);

/// Σ |z|; dual norm max |q|.
std::unique_ptr<const PenaltyFunction> MakeL1();

/// Σ_i ‖z_i·‖₂ over the rows, one for each input: all weights of an input stand or fall together, so the optimum
/// selects inputs. The definition of FeatureGL1 in pyscnn (Mishkin, Sahiner & Pilanci, arXiv 2202.01331). Dual norm
/// max_i ‖q_i·‖₂.
std::unique_ptr<const PenaltyFunction> MakeFeatureGroups();

/// 0.
std::unique_ptr<const PenaltyFunction> MakeNoPenalty(std::int64_t outputs);

}  // namespace cvxnn::convex
