// SPDX-License-Identifier: Apache-2.0
// Names for the loss, its scale and the penalty that both kinds of training share (MATH, section 1). Only what is built
// is listed. No tensors here: specs and the server use these names.
#pragma once

#include <string>

namespace cvxnn {

/// Loss between outputs F and targets Y, summed over rows and outputs before LossScale is applied.
enum class Loss {
  kSquared,  ///< ‖F - Y‖²
};

/// What the summed loss is multiplied by. Sources differ; the objective depends on it as much as on β.
enum class LossScale {
  kHalfSum,  ///< ½‖F - Y‖² (Pilanci & Ergen 2020)
  kSum,      ///< ‖F - Y‖²
  kMean,     ///< ‖F - Y‖² / n, n = number of rows (not of entries)
};

/// The penalty, said for the network; the convex side uses its equivalent.
enum class Penalty {
  /// β/2 (‖U‖² + Σ_j ‖α_j‖₁²)  <->  β Σ_{p,k} ‖v_pk‖₂, one group per (pattern, output).
  kGroupL2,
  /// β/2 (‖U‖² + ‖α‖²): plain weight decay. Equal to kGroupL2 for a single output.
  kWeightDecay,
  /// No penalty (descent only).
  kNone,
};

/// Whether a neuron's gate is its own sign or a fixed vector.
enum class Activation {
  kRelu,   ///< x -> Σ_j (xᵀu_j)₊ α_j
  kGated,  ///< x -> Σ_j 1[g_jᵀx >= 0] (xᵀu_j) α_j, with fixed gates g_j
};

/// s such that the loss is s · ½‖F - Y‖²: 1, 2 or 2/n.
double HalfSumMultiple(LossScale scale, double rows);

std::string Name(Loss loss);
std::string Name(LossScale scale);
std::string Name(Penalty penalty);
std::string Name(Activation activation);

}  // namespace cvxnn
